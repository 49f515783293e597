"""How many clusters features fall apart into.

Shapes: N images, D features, R clusterings of M micro-clusters each.
"""

from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ucls.counting.clouds import CLOUDS, MOST_COMPARED, beyond_clouds
from ucls.counting.coding_length import principal_directions
from ucls.counting.cuts import CUT, Cuts
from ucls.counting.factors import find_factor
from ucls.counting.micro_clusters import (
    CLUSTERINGS,
    count_micro_clusters,
    link_micro_clusters,
    micro_clusters,
    nearest_neighbors,
)
from ucls.counting.modes import MOST_CLUSTERS, gaps_after, slow_modes
from ucls.errors import UsageError
from ucls.feature_sets import check_not_equal
from ucls.preparation.prepared import unit_length
from ucls.preparation.signs import sample_rows
from ucls.progress import Advance, ignore_progress
from ucls.types import Labels
from ucls.wording import count

FEWEST_IMAGES = 20
MOST_IMAGES = 10_000
"""An even sample of so many tells as much."""
HELD_TOGETHER = 0.4
"""Pace from which on features may be a cloud: 0.5 to 1.1 for clouds of several shapes, 0.02 to
0.21 for digits and photographs, up to 0.9 for round groups that overlap, whose gap stands out."""
STANDS_OUT = 0.05
"""Gap beyond clouds, from which on there are groups all the same: up to 0.04 for clouds."""
TAKEN_OFF = 1 / 3
"""Of the gaps of clouds, where numbers are told apart: the groups themselves make part of the
covariance that clouds have, so that all of it would weigh against the very number of groups."""
CLEAR_GAP = 0.12
"""Between two modes, from which on it alone tells the number."""
CLEARER = 2.0
"""Times the second largest gap that a clear one is."""
NEARLY_AS_SHORT = 0.25
"""Bits per image, within which coding lengths do not tell numbers apart."""
NEXT_BEST = 3
N_STEPS = CLUSTERINGS + CLOUDS + 3
GRID = 1.4
"""Times the number before, of those whose coding length is looked at first."""


class Signs(NamedTuple):
    """What speaks for a number of clusters."""

    n_clusters: int
    gap: float
    """How much faster the next mode of a walk over the neighbour graph is; large speaks for it."""
    beyond: float | None
    """The gap of a walk from image to image less that of clouds of the same covariance; large
    speaks for it. None of more than 64 clusters."""
    coding_length: float
    """Bits per image; small speaks for it."""
    of_clouds: float = 0.0
    """The gap of these clouds."""


@dataclass(frozen=True)
class Suggestion:
    """A number of clusters, and what speaks for it.

    Attributes:
        n_clusters: 1 if images hold together as one.
        how_sure: ``clear`` where groups are separate, ``likely``, or ``unsure`` where other numbers
            are as good.
        next_best: other numbers, the best first.
        signs: of the numbers that were looked at, rising.
        pace: of the second mode beside that of clouds, see
            :class:`ucls.counting.clouds.BeyondClouds`; near 0 there are groups.
        other_factors: where the number is that of one factor, what each image that was looked at
            has of the others, int32 [n].
    """

    n_clusters: int
    how_sure: Literal["clear", "likely", "unsure"]
    next_best: tuple[int, ...]
    signs: tuple[Signs, ...]
    pace: float
    other_factors: Labels | None = field(default=None, compare=False, repr=False)


def suggest_n_clusters(
    features: npt.NDArray[np.floating],
    *,
    seed: int = 0,
    of_one_factor: bool = False,
    device: torch.device | None = None,
    advance: Advance = ignore_progress,
) -> Suggestion:
    """Suggests a number of clusters, by signs that see no labels.

    Images are put into many micro-clusters by k-means, eight times, and these are linked by the
    neighbour graph. Where the modes of a random walk over the links have a clear gap, it tells the
    number (the eigengap; von Luxburg, 2007). Where modes are hardly slower than those of clouds
    without groups, there is one cluster. Otherwise clusters overlap: of the numbers whose merged
    clusters code the features about as short as any
    (:func:`ucls.counting.coding_length.coding_length`), the one with the largest gap is taken, less
    a third of that of such clouds (:func:`ucls.counting.clouds.beyond_clouds`).

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
    sample = features[rows].astype(np.float32)
    check_not_equal(sample)
    unit = unit_length(torch.from_numpy(sample).to(device))
    labels = micro_clusters(unit, count_micro_clusters(len(unit)), seed=seed, advance=advance)
    directions = unit.cpu().numpy()
    edges = nearest_neighbors(directions, device=str(device))
    gaps = gaps_after(slow_modes(link_micro_clusters(labels, edges)))
    advance(1)
    beyond = beyond_clouds(sample, edges, seed=seed, device=device, advance=advance)
    cuts = Cuts(labels[:CUT], edges, principal_directions(directions))
    most = min(MOST_CLUSTERS, len(gaps), int(labels.max()))
    weighed = beyond.gaps + (1.0 - TAKEN_OFF) * beyond.of_clouds
    lengths = cuts.look_at([*_grid(most), *_largest(gaps, most), *_largest(weighed, most)])
    advance(1)
    best = min(lengths, key=lengths.__getitem__)
    lengths = cuts.look_at(n for n in _around(best) if n <= most)
    advance(1)
    compared = dict(enumerate(map(float, beyond.gaps), start=1))
    of_clouds = dict(enumerate(map(float, beyond.of_clouds), start=1))
    signs = tuple(
        Signs(n, float(gaps[n - 1]), compared.get(n), length, of_clouds.get(n, 0.0))
        for n, length in sorted(lengths.items())
        if n > 1
    )
    chosen = choose(signs, pace=beyond.pace)
    number = chosen.n_clusters
    if not of_one_factor or number == 1:
        return chosen
    merged = cuts.merged(number)
    factor = find_factor(sample, merged)
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


def choose(signs: tuple[Signs, ...], *, pace: float) -> Suggestion:
    """The number of clusters that the signs speak for, see :func:`suggest_n_clusters`."""
    by_gap = sorted(signs, key=lambda one: -one.gap)
    is_clear = by_gap[0].gap >= CLEAR_GAP and (
        len(by_gap) == 1 or by_gap[0].gap >= CLEARER * by_gap[1].gap
    )
    shortest = min(signs, key=lambda one: one.coding_length)
    short = [one for one in signs if one.coding_length <= shortest.coding_length + NEARLY_AS_SHORT]
    weight = _weighed if shortest.n_clusters <= MOST_COMPARED else _gap
    short.sort(key=weight, reverse=True)
    ranked = by_gap if is_clear else [*short, *(one for one in by_gap if one not in short)]
    numbers = [one.n_clusters for one in ranked]
    are_many = is_clear and numbers[0] > MOST_COMPARED
    stand_out = are_many or max(map(_beyond, signs)) >= STANDS_OUT
    if pace >= HELD_TOGETHER and not stand_out:
        return Suggestion(1, "likely", tuple(numbers[:NEXT_BEST]), signs, pace)
    is_likely = len(short) == 1 or weight(short[0]) > CLEARER * max(weight(short[1]), 0.0)
    how_sure: Literal["clear", "likely", "unsure"] = (
        "clear" if is_clear else "likely" if is_likely else "unsure"
    )
    return Suggestion(numbers[0], how_sure, tuple(numbers[1 : 1 + NEXT_BEST]), signs, pace)


def _gap(one: Signs) -> float:
    return one.gap


def _weighed(one: Signs) -> float:
    return _beyond(one) + (1.0 - TAKEN_OFF) * one.of_clouds


def _beyond(one: Signs) -> float:
    return -np.inf if one.beyond is None else one.beyond


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
