"""What was measured of a run's steps, and how it is carried on."""

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple


class Line(NamedTuple):
    """Seconds that grow with the images."""

    fixed: float
    per_image: float

    def at(self, n_images: float) -> float:
        """Seconds for so many."""
        return self.fixed + self.per_image * n_images


class Search(NamedTuple):
    """Approximate search among ``n_images`` made-up features."""

    n_images: int
    build: float
    """Seconds to fill its index."""
    query: float
    """Seconds for the neighbours of one image."""


class Measured(NamedTuple):
    """Seconds of steps on this machine, with all its cores or its GPU."""

    decode: float
    """An image and all its views, on one core; 0 for feature files."""
    forward: float
    """The same through all backbones."""
    bytes_per_second: float
    """Written to the disk of the feature caches."""
    pair: float
    """Of images compared, in exact search."""
    approximate: Search
    step: float
    """Of the training of a group of heads."""
    iteration: float
    """Of self-training, all classifiers."""
    labelling: float
    """What self-training takes for each image once."""
    merge: Line
    ensemble: Line
    kmeans: Line
    """One restart."""
    assigning: float
    """An image to the nearest of all centres."""


def seconds_of(work: Callable[[], object]) -> float:
    """How long some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def line_of(work: Callable[[int], object], n_images: int) -> Line:
    """Measures work on so many made-up images and on twice as many, the quicker of two times.

    Where the difference drowns in noise, all of it counts as growing with the images.
    """
    work(n_images)  # the first takes what the others find ready
    few, many = (
        min(seconds_of(partial(work, n)) for _ in range(2)) for n in (n_images, 2 * n_images)
    )
    slope = (many - few) / n_images
    if not 0.0 < slope * n_images <= few:
        return Line(0.0, many / (2 * n_images))
    return Line(few - slope * n_images, slope)
