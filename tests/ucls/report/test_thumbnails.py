import base64
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ucls.images.sets import ArrayReader, ImageSet
from ucls.report.thumbnails import SIDES, as_webp, thumbnails
from ucls.runs.pictures import Pictures
from ucls.runs.run import Run


def noise(n: int, side: int) -> dict[str, Pictures]:
    pixels = np.random.default_rng(0).integers(0, 255, (n, side, side, 3)).astype(np.uint8)
    images = ImageSet("noise", "train", list(map(str, range(n))), None, (), "", ArrayReader(pixels))
    return {"train": Pictures(images, np.arange(n))}


def opened(text: str) -> Image.Image:
    return Image.open(BytesIO(base64.b64decode(text)))


@pytest.mark.parametrize("budget", [10**9, 400_000, 150_000])
def test_pictures_are_as_large_as_the_budget_lets_them_be(budget: int) -> None:
    rows = [("train", row) for row in range(60)]
    texts = thumbnails(noise(60, 300), rows, budget=budget)
    total = sum(map(len, texts))
    assert total <= 1.1 * budget
    side = opened(texts[0]).width
    assert side in SIDES
    larger = [other for other in SIDES if other > side]
    if larger:  # the next size would not have fitted
        assert total * (larger[-1] / side) ** 2 > budget


def test_small_pictures_are_kept_as_they_are() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (8, 8)).astype(np.uint8)
    again = Image.open(BytesIO(as_webp(Image.fromarray(pixels), 96))).convert("L")
    np.testing.assert_array_equal(np.asarray(again), pixels)


def test_the_shape_is_kept() -> None:
    assert Image.open(BytesIO(as_webp(Image.new("RGB", (400, 100)), 96))).size == (96, 24)


def test_what_cannot_be_read_is_empty(shared_run: Path) -> None:
    without = {"train": Pictures.of(Run(shared_run), "train")}
    assert thumbnails(without, [("train", 0)], budget=1000) == [""]
