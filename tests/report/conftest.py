"""A real browser that opens real reports; a page that complains fails its test."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from ucls import pipeline
from ucls.config import Config
from ucls.stages.report import report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIZES = {"wide": (1280, 900), "phone": (390, 844)}
HOSTILE = [
    "quotes \"a\" 'b'.png",
    "<img src=x onerror=alert(1)>.png",
    "</script><script>alert(1)<!--.png",
    "two\nlines.png",
    "\u202egnp.exe.png",
    "עברית عربي.png",
    "{{ 7*7 }} ${x} `y`.png",
    "x" * 240 + ".png",
]

Open = Callable[..., "Page"]


def until(page: "Page", expression: str) -> None:
    """Waits for an expression to hold; Playwright's own way evaluates text, which pages forbid."""
    for _ in range(200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never came true: {expression}")


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """Headless Chromium, of the system."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if path is None:
        pytest.skip("no Chromium here; install the package chromium")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: "Browser") -> Iterator[Open]:
    """Opens a page; after the test nothing may have been complained of, or asked of a network."""
    complaints: list[str] = []
    contexts: list[Any] = []

    def opened(target: Path | str, size: str = "wide", *, scheme: str = "light") -> "Page":
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            accept_downloads=True,
            has_touch=size == "phone",
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: note(message.type, message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        own = "http://127.0.0.1" if isinstance(target, str) else "file://"
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((own, "data:", "blob:"))
                else complaints.append(f"asked for {asked.url}")
            ),
        )
        page.goto(target if isinstance(target, str) else target.as_uri())
        page.wait_for_selector("#cards .card")
        return page

    def note(kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            complaints.append(text)

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def hostile_run(tmp_path_factory: pytest.TempPathFactory, tiny_config: Config) -> Path:
    """A run of 48 pictures of three colours, some of them with hostile names."""
    folder = tmp_path_factory.mktemp("hostile") / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(48):
        pixels = rng.integers(0, 60, (24, 24, 3))
        pixels[..., number % 3] += 150
        name = HOSTILE[number] if number < len(HOSTILE) else f"plain {number:02d}.png"
        (folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / name)
    pixels_only = {"extract.backbone": "pixels", "extract.image_size": 4, "extract.workers": 0}
    return pipeline.run(
        str(folder),
        out=folder.parent / "run",
        cache_dir=folder.parent / "cache",
        config=tiny_config.with_values({"n_clusters": 3, **pixels_only}),
    ).path


@pytest.fixture(scope="session")
def hostile_page(hostile_run: Path) -> Path:
    return report(hostile_run)


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run, of which the merge tree splits clusters."""
    folder = tmp_path_factory.mktemp("digits")
    config = Config().with_values({"effort": "quick"})
    return pipeline.run(
        "digits", out=folder / "run", cache_dir=folder / "cache", config=config
    ).path


@pytest.fixture(scope="session")
def digits_page(digits_run: Path) -> Path:
    return report(digits_run)
