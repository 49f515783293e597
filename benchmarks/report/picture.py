"""The picture of a page that the README opens with."""

import tempfile
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.report.drawing import SHAPES, draw
from ucls import pipeline
from ucls.config import Config
from ucls.corrections.edits import Corrections, Rename
from ucls.runs.image_labels import read_labels
from ucls.runs.run import Run
from ucls.stages.relabel import relabel
from ucls.stages.report import report

N_IMAGES = 640
WIDTH, HEIGHT = 1280, 860


def take_picture(out: Path) -> None:
    """Draws shapes, clusters them, and takes a picture of their page by headless Chromium."""
    with tempfile.TemporaryDirectory(prefix="ucls-picture-") as folder:
        parts = [Image.open(BytesIO(shot)) for shot in _screenshots(report(_run(Path(folder))))]
    whole = Image.new("RGB", (WIDTH, sum(part.height for part in parts)))
    top = 0
    for part in parts:
        whole.paste(part, (0, top))
        top += part.height
    out.parent.mkdir(parents=True, exist_ok=True)
    whole.quantize(256, dither=Image.Dither.NONE).save(out, optimize=True)


def _run(folder: Path) -> Path:
    shapes, rng = folder / "shapes", np.random.default_rng(0)
    for number in range(N_IMAGES):
        name = SHAPES[number % len(SHAPES)]
        (shapes / name).mkdir(parents=True, exist_ok=True)
        draw(number % len(SHAPES), rng, (200, 200)).save(shapes / name / f"{number:04d}.png")
    settings = {
        "n_clusters": len(SHAPES) - 1,
        "extract.backbone": "pixels",
        "extract.image_size": 16,
    }
    config = Config().with_values({**settings, "effort": "quick"})
    run = pipeline.run(
        str(shapes), out=folder / "run", cache_dir=folder / "cache", config=config
    ).path
    labels = read_labels(Run(run))
    edits = []
    for cluster in list(labels.sizes())[:3]:
        row = int(np.flatnonzero(labels.clusters == cluster)[0])
        edits.append(Rename(cluster=cluster, name=Path(labels.paths[row]).parent.name))
    relabel(run, Corrections(edits=tuple(edits)))
    return run


def _screenshots(page: Path) -> list[bytes]:
    """The head of the page with a cluster, and its map."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        tab.goto(page.as_uri())
        tab.wait_for_selector("#cards .card img")
        tab.wait_for_timeout(300)
        top = tab.screenshot()
        tab.evaluate("document.getElementById('map').scrollIntoView()")
        tab.wait_for_timeout(500)
        box = tab.locator("#map .map").bounding_box() or {"y": 0}
        map_at = {"x": 0, "y": box["y"], "width": WIDTH, "height": HEIGHT - box["y"]}
        return [top, tab.screenshot(clip=map_at)]
