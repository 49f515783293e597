"""The sizes that each stage is measured at."""

from collections.abc import Mapping
from typing import NamedTuple


class Size(NamedTuple):
    """What a stage can grow with."""

    n_images: int
    """N."""
    n_clusters: int
    """C, wanted."""
    n_heads: int
    """H."""
    n_features: int
    """D, that the heads see: a class token and a patch mean side by side."""

    def with_axis(self, letter: str, value: int) -> "Size":
        """The same with another N, C, H or D."""
        return self._replace(**{AXES[letter]: value})

    def on_axis(self, letter: str) -> int:
        """N, C, H or D."""
        return int(getattr(self, AXES[letter]))


AXES: Mapping[str, str] = {
    "N": "n_images",
    "C": "n_clusters",
    "H": "n_heads",
    "D": "n_features",
}


class Grid(NamedTuple):
    """Sizes around one: each axis is varied with the others fixed."""

    base: Size
    axes: Mapping[str, tuple[int, ...]]
    """By letter, the values from the least to the largest, that of the base among them."""

    def sizes(self) -> list[Size]:
        """All of them, each once, axis after axis."""
        varied = (
            self.base.with_axis(letter, value)
            for letter, values in self.axes.items()
            for value in values
        )
        return list(dict.fromkeys(varied))


def doublings(middle: int, below: int, above: int) -> tuple[int, ...]:
    """A size, halved and doubled so many times."""
    return tuple(middle * 2**i // 2**below for i in range(below + above + 1))


FULL: Mapping[str, Grid] = {
    "neighbors": Grid(
        Size(16_384, 64, 1, 512),
        {"N": doublings(16_384, 2, 2), "C": doublings(64, 2, 2), "D": doublings(512, 2, 2)},
    ),
    "train": Grid(
        Size(4096, 128, 8, 512),
        {
            "N": doublings(4096, 2, 2),
            "C": doublings(128, 1, 3),
            "H": doublings(8, 2, 2),
            "D": doublings(512, 2, 2),
        },
    ),
    # As far as 1,024 clusters, since what 3,072 are merged in does not follow from fewer.
    "merge": Grid(
        Size(131_072, 32, 2, 1),
        {"N": doublings(131_072, 2, 2), "C": doublings(32, 1, 5), "H": doublings(2, 0, 5)},
    ),
    "ensemble": Grid(
        Size(262_144, 128, 16, 1),
        {"N": doublings(262_144, 2, 2), "C": doublings(128, 2, 3), "H": doublings(16, 2, 2)},
    ),
    "self-train": Grid(
        Size(16_384, 128, 1, 512),
        {"N": doublings(16_384, 2, 2), "C": doublings(128, 2, 2), "D": doublings(512, 2, 2)},
    ),
    "evaluate": Grid(
        Size(16_384, 64, 1, 256),
        {"N": doublings(16_384, 2, 2), "C": doublings(64, 2, 2), "D": doublings(256, 2, 2)},
    ),
}
"""Within a quarter of an hour on two cores."""

QUICK: Mapping[str, Grid] = {
    "neighbors": Grid(
        Size(2048, 16, 1, 128),
        {"N": doublings(2048, 1, 2), "C": doublings(16, 1, 2), "D": doublings(128, 1, 2)},
    ),
    "train": Grid(
        Size(1024, 32, 4, 128),
        {
            "N": doublings(1024, 0, 3),
            "C": doublings(32, 1, 2),
            "H": doublings(4, 2, 1),
            "D": doublings(128, 1, 2),
        },
    ),
    "merge": Grid(
        Size(4096, 8, 4, 1),
        {"N": doublings(4096, 1, 2), "C": doublings(8, 1, 2), "H": doublings(4, 1, 2)},
    ),
    "ensemble": Grid(
        Size(8192, 32, 8, 1),
        {"N": doublings(8192, 1, 2), "C": doublings(32, 1, 2), "H": doublings(8, 1, 2)},
    ),
    "self-train": Grid(
        Size(2048, 16, 1, 128),
        {"N": doublings(2048, 1, 2), "C": doublings(16, 1, 2), "D": doublings(128, 1, 2)},
    ),
    "evaluate": Grid(
        Size(2048, 16, 1, 64),
        {"N": doublings(2048, 1, 2), "C": doublings(16, 1, 2), "D": doublings(64, 1, 2)},
    ),
}
"""Within a minute and a half on two cores; too small to be extrapolated from."""
