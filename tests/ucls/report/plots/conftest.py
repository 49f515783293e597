"""Labels to draw, and figures drawn for good."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pytest
from numpy.typing import ArrayLike

from ucls.report.plots.style import house_style
from ucls.runs.image_labels import ImageLabels

HOSTILE = {
    0: r"$\frac{1}{$",
    1: "two\nlines",
    2: "y" * 4000,
    3: "\u202e\u05d7\u05ea\u05d5\u05dc \x00\udcff\u732b",
}
LabelsOf = Callable[..., ImageLabels]


@pytest.fixture(autouse=True)
def in_house_style() -> Iterator[None]:
    with house_style():
        yield


@pytest.fixture
def labels_of() -> LabelsOf:
    """Labels of images in given clusters, with names."""

    def make(clusters: ArrayLike, names: Mapping[int, str] | None = None) -> ImageLabels:
        numbers = np.asarray(clusters, np.int32)
        ones, n = np.ones(len(numbers), np.float32), len(numbers)
        paths = [f"{i}.png" for i in range(n)]
        return ImageLabels(paths, ["train"] * n, numbers, ones, ones, numbers, names or {})

    return make


@pytest.fixture
def hostile() -> dict[int, str]:
    return dict(HOSTILE)
