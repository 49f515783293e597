"""How many clusters features fall apart into.

Shapes: N images, D features, R clusterings of M micro-clusters each.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ucls.counting.coding_length import coding_length, principal_directions
from ucls.counting.factors import find_factor
from ucls.counting.micro_clusters import (
    CLUSTERINGS,
    count_micro_clusters,
    link_micro_clusters,
    micro_clusters,
    nearest_neighbors,
)
from ucls.counting.modes import MOST_CLUSTERS, gaps_after, slow_modes
from ucls.ensemble import consensus
from ucls.errors import UsageError
from ucls.feature_sets import check_not_equal
from ucls.merging.links import Edges
from ucls.merging.together import merge_together
from ucls.preparation.prepared import unit_length
from ucls.preparation.signs import sample_rows
from ucls.progress import Advance, ignore_progress
from ucls.types import Labels, renumber
from ucls.wording import count

FEWEST_IMAGES = 20
MOST_IMAGES = 10_000
"""An even sample of so many tells as much."""
SEPARATE_FROM = 0.5
"""What a step leaves of the second mode, from which on there is more than one cluster: 0.1 to 0.4
for images in one cluster, of 20 to 256 features, 0.8 and more for those in several."""
CLEAR_GAP = 0.12
"""Between two modes, from which on it alone tells the number."""
CLEARER = 2.0
"""Times the second largest gap that a clear one is."""
NEARLY_AS_SHORT = 0.25
"""Bits per image, within which coding lengths do not tell numbers apart."""
NEXT_BEST = 3
N_STEPS = CLUSTERINGS + 3
CUT = 4
"""Clusterings that are merged; more hardly change what their clusters code."""
GRID = 1.4
"""Times the number before, of those whose coding length is looked at first."""


class Signs(NamedTuple):
    """What speaks for a number of clusters."""

    n_clusters: int
    gap: float
    """How much faster the next mode of a walk over the neighbour graph is; large speaks for it."""
    coding_length: float
    """Bits per image; small speaks for it."""


@dataclass(frozen=True)
class Suggestion:
    """A number of clusters, and what speaks for it.

    Attributes:
        n_clusters: 1 if images hold together as one.
        how_sure: ``clear`` where groups are separate, ``likely``, or ``unsure`` where other numbers
            are as good.
        next_best: other numbers, the best first.
        signs: of the numbers that were looked at, rising.
        second_mode: what a step of the walk leaves of its second mode, 0..1; near 1 there are
            groups that it hardly leaves.
        other_factors: where the number is that of one factor, what each image that was looked at
            has of the others, int32 [n].
    """

    n_clusters: int
    how_sure: Literal["clear", "likely", "unsure"]
    next_best: tuple[int, ...]
    signs: tuple[Signs, ...]
    second_mode: float
    other_factors: Labels | None = field(default=None, compare=False, repr=False)


def suggest_n_clusters(
    features: npt.NDArray[np.floating],
    *,
    seed: int = 0,
    of_one_factor: bool = False,
    device: torch.device | None = None,
    advance: Advance = ignore_progress,
) -> Suggestion:
    """Suggests a number of clusters, by two signs that see no labels.

    Images are put into many micro-clusters by k-means, eight times, and these are linked by the
    neighbour graph. Where the modes of a random walk over the links have a clear gap, it tells the
    number (the eigengap; von Luxburg, 2007). Where even the second mode is fast, there is one
    cluster. Otherwise clusters overlap: of the numbers whose merged clusters code the features
    about as short as any (:func:`ucls.counting.coding_length.coding_length`), the one with the
    largest gap is taken.

    Args:
        features: prepared, float [N, D]; of more than 10,000 rows an even sample is looked at.
        seed: of the micro-clusters.
        of_one_factor: where the clusters are those of two factors crossed, such as shapes and
            colours, suggest the number of one, see :func:`ucls.counting.factors.find_factor`.
        device: where distances are computed; None for the CPU.
        advance: told of each of :data:`N_STEPS` steps.

    Raises:
        UsageError: with fewer than 20 images, or with images that are all the same.

    Example:
        >>> import numpy as np
        >>> from ucls.counting import suggest_n_clusters
        >>> features = np.load("features.npz")["features"]
        >>> suggest_n_clusters(features).n_clusters
        4
    """
    check_enough(len(features))
    device = device or torch.device("cpu")
    rows = sample_rows(len(features), MOST_IMAGES).numpy()
    check_not_equal(features[rows])
    unit = unit_length(torch.from_numpy(features[rows].astype(np.float32)).to(device))
    labels = micro_clusters(unit, count_micro_clusters(len(unit)), seed=seed, advance=advance)
    sample = unit.cpu().numpy()
    edges = nearest_neighbors(sample, device=str(device))
    clusters = link_micro_clusters(labels, edges)
    modes = slow_modes(clusters)
    gaps = gaps_after(modes)
    advance(1)
    cuts = _Cuts(labels[:CUT], edges, principal_directions(sample))
    most = min(MOST_CLUSTERS, len(gaps), int(labels.max()))
    lengths = cuts.look_at([*_grid(most), *_largest(gaps, most)])
    advance(1)
    best = min(lengths, key=lengths.__getitem__)
    lengths = cuts.look_at(n for n in _around(best) if n <= most)
    advance(1)
    signs = tuple(
        Signs(n, float(gaps[n - 1]), length) for n, length in sorted(lengths.items()) if n > 1
    )
    chosen = choose(signs, second_mode=float(modes[1]))
    number = chosen.n_clusters
    if not of_one_factor or number == 1:
        return chosen
    merged = cuts.merged(number)
    factor = find_factor(features[rows], merged)
    if factor is None:
        return chosen
    next_best = (number, *(n for n in chosen.next_best if n != factor.size))[:NEXT_BEST]
    return replace(
        chosen,
        n_clusters=factor.size,
        next_best=next_best,
        other_factors=factor.others[merged],
    )


def check_enough(n_images: int) -> None:
    """Refuses a number of images that is too small to tell how many clusters there are.

    Raises:
        UsageError: with fewer than 20.
    """
    if n_images < FEWEST_IMAGES:
        raise UsageError(
            f"how many clusters? {count(n_images, 'image')} are too few to tell, it takes "
            f"{FEWEST_IMAGES}: pass -k NUMBER"
        )


def choose(signs: tuple[Signs, ...], *, second_mode: float) -> Suggestion:
    """The number of clusters that the signs speak for, see :func:`suggest_n_clusters`."""
    by_gap = sorted(signs, key=lambda one: -one.gap)
    is_clear = by_gap[0].gap >= CLEAR_GAP and (
        len(by_gap) == 1 or by_gap[0].gap >= CLEARER * by_gap[1].gap
    )
    least = min(one.coding_length for one in signs)
    short = [one for one in by_gap if one.coding_length <= least + NEARLY_AS_SHORT]
    ranked = by_gap if is_clear else [*short, *(one for one in by_gap if one not in short)]
    numbers = [one.n_clusters for one in ranked]
    if second_mode < SEPARATE_FROM and not is_clear:
        return Suggestion(1, "likely", tuple(numbers[:NEXT_BEST]), signs, second_mode)
    is_likely = len(short) == 1 or short[0].gap >= CLEARER * short[1].gap
    how_sure: Literal["clear", "likely", "unsure"] = (
        "clear" if is_clear else "likely" if is_likely else "unsure"
    )
    return Suggestion(numbers[0], how_sure, tuple(numbers[1 : 1 + NEXT_BEST]), signs, second_mode)


class _Cuts:
    """The micro-clusters merged to different numbers, and how short each codes the features."""

    def __init__(
        self,
        labels: Labels,
        edges: Edges,
        directions: npt.NDArray[np.float64],
    ) -> None:
        self.labels, self.edges, self.directions = labels, edges, directions
        self.lengths: dict[int, float] = {}

    def look_at(self, numbers: Iterable[int]) -> dict[int, float]:
        """Coding lengths of all numbers that were looked at so far."""
        for n_clusters in sorted(set(numbers) - set(self.lengths)):
            self.lengths[n_clusters] = coding_length(self.directions, self.merged(n_clusters))
        return self.lengths

    def merged(self, n_clusters: int) -> Labels:
        """The clusters, int32 [N]."""
        sizes = (self.labels.max(axis=1) + 1).tolist()
        merged = merge_together(
            self.labels, n_clusters, head_clusters=sizes, edges=self.edges
        ).heads
        by_clustering = [
            renumber(own, head.cut(n_clusters))
            for own, head in zip(self.labels, merged, strict=True)
        ]
        return consensus(np.stack(by_clustering), n_clusters, numbered_alike=True).labels


def _grid(most: int) -> list[int]:
    """Numbers from 2 to ``most``, each about 1.4 times the one before."""
    numbers = [2]
    while (following := max(numbers[-1] + 1, round(GRID * numbers[-1]))) <= most:
        numbers.append(following)
    return numbers


def _largest(gaps: npt.NDArray[np.float64], most: int) -> list[int]:
    """The numbers from 2 to ``most`` with the largest gaps."""
    return [int(place) + 2 for place in np.argsort(-gaps[1:most], kind="stable")[:NEXT_BEST]]


def _around(number: int) -> list[int]:
    """The numbers near one, between its neighbours on the grid; of many only some."""
    step = max(1, number // 20)
    return list(range(max(2, round(number / GRID)), round(number * GRID) + 1, step))
