"""The sizes that each stage is measured at."""

from collections.abc import Mapping

from benchmarks.speed.size import Size


class Grid:
    """Sizes around one: each axis is varied by doublings, with the others fixed.

    Args:
        base: the size in the middle.
        axes: by letter, how often the base's value is halved and how often it is doubled.
    """

    def __init__(self, base: Size, **axes: tuple[int, int]) -> None:
        self.base = base
        self.axes = {
            letter: doublings(base.on_axis(letter), *times) for letter, times in axes.items()
        }

    def sizes(self) -> list[Size]:
        """All of them, each once, axis after axis."""
        varied = (
            self.base.with_axis(letter, value)
            for letter, values in self.axes.items()
            for value in values
        )
        return list(dict.fromkeys(varied))


def doublings(middle: int, below: int, above: int) -> list[int]:
    """A size, halved and doubled so many times, from the least to the largest."""
    return [middle * 2**power // 2**below for power in range(below + above + 1)]


FULL: Mapping[str, Grid] = {
    "neighbors": Grid(Size(16_384, 64, 1, 512), N=(2, 2), C=(2, 2), D=(2, 2)),
    "train": Grid(Size(4096, 128, 8, 512), N=(2, 2), C=(1, 3), H=(2, 2), D=(2, 2)),
    # As far as 1,024 clusters, since what 3,072 are merged in does not follow from fewer.
    "merge": Grid(Size(131_072, 32, 2), N=(2, 2), C=(1, 5), H=(0, 5)),
    "ensemble": Grid(Size(262_144, 128, 16), N=(2, 2), C=(2, 3), H=(2, 2)),
    "self-train": Grid(Size(16_384, 128, 1, 512), N=(2, 2), C=(2, 2), D=(2, 2)),
    "evaluate": Grid(Size(16_384, 64, 1, 256), N=(2, 2), C=(2, 2), D=(2, 2)),
}
"""Within a quarter of an hour on two cores."""

QUICK: Mapping[str, Grid] = {
    "neighbors": Grid(Size(2048, 16, 1, 128), N=(1, 2), C=(1, 2), D=(1, 2)),
    "train": Grid(Size(1024, 32, 4, 128), N=(0, 3), C=(1, 2), H=(2, 1), D=(1, 2)),
    "merge": Grid(Size(4096, 8, 4), N=(1, 2), C=(1, 2), H=(1, 2)),
    "ensemble": Grid(Size(8192, 32, 8), N=(1, 2), C=(1, 2), H=(1, 2)),
    "self-train": Grid(Size(2048, 16, 1, 128), N=(1, 2), C=(1, 2), D=(1, 2)),
    "evaluate": Grid(Size(2048, 16, 1, 64), N=(1, 2), C=(1, 2), D=(1, 2)),
}
"""Within a minute and a half on two cores; too small to be extrapolated from."""
