"""What showing a run takes."""

import http.client
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.process import run_in_process
from benchmarks.report.subjects import large_run, photograph_run
from ucls.runs.image_labels import read_labels
from ucls.runs.run import Run
from ucls.stages.report import report
from ucls.stages.serve import serve
from ucls.stages.sort import sort

ASKED = 500
"""Thumbnails, each for a second time."""
REPEATS = 3

Row = dict[str, Any]


def measure(*, n_photos: int, n_rows: int) -> list[Row]:
    """Measures pages of drawn photographs and of many rows, a server, and sorting.

    Args:
        n_photos: drawn, of 512 x 384 pixels.
        n_rows: without pictures.
    """
    with tempfile.TemporaryDirectory(prefix="ucls-report-") as folder:
        photos = photograph_run(Path(folder) / "photos", n_photos)
        rows = [_page("page of photographs", photos, n_photos)]
        rows += [_thumbnails(photos, n_photos), *_sorting(photos, Path(folder), n_photos)]
        large = large_run(Path(folder) / "rows", n_rows)
        return [*rows, _page("page of rows", large, n_rows)]


def make_page(path: str) -> dict[str, float]:
    """Makes a page; its size in MB and how soon it is painted, in seconds."""
    page = report(path)
    return {"mb": page.stat().st_size / 1e6, "first_paint": first_paint(page)}


def first_paint(page: Path) -> float:
    """Seconds until headless Chromium paints; NaN where there is none."""
    path = shutil.which("chromium")
    if path is None:
        return float("nan")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        tab = browser.new_page()
        tab.goto(page.as_uri())
        tab.wait_for_selector("#cards .card")
        name = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        return float(tab.evaluate(name)) / 1000


def _page(name: str, path: Path, n_images: int) -> Row:
    outcome = run_in_process(make_page, str(path))
    paint = outcome.result["first_paint"]
    return {
        "what": name,
        "images": n_images,
        "seconds": round(outcome.seconds, 2),
        "told": f"{outcome.result['mb']:.1f} MB, first paint after {paint:.2f} s, "
        f"peak {outcome.peak_mb:,.0f} MB",
    }


def _thumbnails(path: Path, n_images: int) -> Row:
    with serve(path) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
        seconds = np.zeros((2, ASKED))
        for turn in range(2):
            for number in range(ASKED):
                started = time.perf_counter()
                connection.request("GET", f"/{server.token}/thumbnail/{number % n_images}")
                connection.getresponse().read()
                seconds[turn, number] = time.perf_counter() - started
        server.shutdown()
        thread.join()
    first, again = 1000 * np.median(seconds, axis=1)
    return {
        "what": "thumbnail served",
        "images": ASKED,
        "seconds": round(float(seconds[1].sum()), 3),
        "told": f"median {again:.2f} ms once cached, at most {1000 * seconds[1].max():.1f} ms; "
        f"{first:.1f} ms before",
    }


def _sorting(path: Path, folder: Path, n_images: int) -> list[Row]:
    labels = read_labels(Run(path))
    sources = [str(folder / "photos" / "photos" / name) for name in labels.paths]
    rows = []
    for how, bare in (("link", os.symlink), ("copy", shutil.copy2)):
        pairs = [
            (_bare(bare, sources, labels.clusters, folder), _sort(path, folder, how))
            for _ in range(REPEATS)
        ]
        least, ours = (min(column) for column in zip(*pairs, strict=True))
        told = f"{ours / least:.2f} times a bare loop of {bare.__name__}"
        rows.append(
            {"what": f"sort, {how}", "images": n_images, "seconds": round(ours, 2), "told": told}
        )
    return rows


def _bare(put: Callable[[str, str], Any], sources: list[str], clusters: Any, folder: Path) -> float:
    target = folder / "bare"
    targets = [
        str(target / str(cluster) / Path(source).name)
        for cluster, source in zip(clusters, sources, strict=True)
    ]
    for cluster in np.unique(clusters):
        (target / str(cluster)).mkdir(parents=True)
    started = time.perf_counter()
    for pair in zip(sources, targets, strict=True):
        put(*pair)
    seconds = time.perf_counter() - started
    shutil.rmtree(target)
    return seconds


def _sort(path: Path, folder: Path, how: Any) -> float:
    target = folder / "sorted"
    started = time.perf_counter()
    sort(path, to=target, how=how)
    seconds = time.perf_counter() - started
    shutil.rmtree(target)
    return seconds
