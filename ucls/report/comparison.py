"""The labels of two runs compared: which clusters are the same, and which images moved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.ensemble.contingency import count_overlaps
from ucls.ensemble.label_matrix import compact
from ucls.errors import UsageError
from ucls.metrics import scores as metrics
from ucls.runs.image_labels import ImageLabels
from ucls.types import Labels

EXAMPLES = 5


@dataclass(frozen=True)
class Side:
    """One of the two runs, A or B.

    Attributes:
        path: of the run folder, as it was given.
        n_images: in all.
        n_clusters: that hold any image.
        is_corrected: whether its labels were corrected; they are meant as corrected.
        only: images that the other run does not have.
        examples: the paths of the first few of these.
        unmatched: clusters, with images that both runs have, that match none of the other run.
        names: of the clusters that have one, by number.
    """

    path: str
    n_images: int
    n_clusters: int
    is_corrected: bool
    only: int
    examples: list[str]
    unmatched: list[int]
    names: Mapping[int, str]


@dataclass(frozen=True)
class Overlap:
    """A cluster of A and one of B that share images.

    Attributes:
        a: number of the cluster of A.
        b: number of the cluster of B.
        n_images: that both hold.
        share_of_a: these among the images of the cluster of A that both runs have, 0..1.
        share_of_b: likewise of B.
        is_matched: whether the best one-to-one map pairs the two.
    """

    a: int
    b: int
    n_images: int
    share_of_a: float
    share_of_b: float
    is_matched: bool


@dataclass(frozen=True)
class Comparison:
    """What two runs have in common, as JSON can hold it.

    Attributes:
        a: the first run.
        b: the second run.
        is_same_run: whether they are one run.
        n_common: images that both have.
        n_marked: of these, images that are in no cluster in one run or both, as outliers or marked
            as wrong, which the next three figures leave out.
        ari: adjusted Rand index, at most 1; None if that leaves out all images.
        nmi: normalised mutual information, arithmetic mean, 0..1; None likewise.
        share_matched: share of the images in clusters that are matched, 0..1; None likewise.
        n_moved: common images that are not in matched clusters, those included that only one run
            puts into none.
        overlaps: all pairs of clusters that share images; matched ones first, then by size.
    """

    a: Side
    b: Side
    is_same_run: bool
    n_common: int
    n_marked: int
    ari: float | None
    nmi: float | None
    share_matched: float | None
    n_moved: int
    overlaps: list[Overlap]


class MovedImage(NamedTuple):
    """An image whose clusters do not match; a cluster of -1 is none, without a name."""

    path: str
    split: str
    cluster_a: int
    name_a: str
    cluster_b: int
    name_b: str


class Compared(NamedTuple):
    """Two runs compared, and the images that moved, in the order of A."""

    comparison: Comparison
    moved: list[MovedImage]


def compare_labels(
    a: ImageLabels,
    b: ImageLabels,
    *,
    paths: tuple[str, str] = ("A", "B"),
    is_same_run: bool = False,
) -> Compared:
    """Compares the labels of two runs, as corrected, on the images that both have.

    Images are the same where split and path are. Clusters are matched one to one so that as many
    images as possible are in matched clusters (Hungarian method); clusters that share no image
    are never matched.

    Args:
        a: of the first run.
        b: of the second run.
        paths: of the two run folders.
        is_same_run: whether these are one folder.

    Raises:
        UsageError: if no image is in both.
    """
    rows_a, rows_b = _common_rows(a, b, paths)
    clusters_a, clusters_b = a.clusters[rows_a], b.clusters[rows_b]
    overlaps = _overlaps(clusters_a, clusters_b)
    stays = _is_matched(overlaps, clusters_a, clusters_b)
    in_both = (clusters_a >= 0) & (clusters_b >= 0)
    some = bool(in_both.any())
    pairs = (clusters_a[in_both], clusters_b[in_both])
    comparison = Comparison(
        a=_side(a, rows_a, paths[0], matched={pair.a for pair in overlaps if pair.is_matched}),
        b=_side(b, rows_b, paths[1], matched={pair.b for pair in overlaps if pair.is_matched}),
        is_same_run=is_same_run,
        n_common=len(rows_a),
        n_marked=int((~in_both).sum()),
        ari=metrics.ari(*pairs) if some else None,
        nmi=metrics.nmi(*pairs) if some else None,
        share_matched=float(stays[in_both].mean()) if some else None,
        n_moved=int((~stays).sum()),
        overlaps=overlaps,
    )
    return Compared(comparison, _moved(a, b, rows_a[~stays], rows_b[~stays]))


def _common_rows(
    a: ImageLabels, b: ImageLabels, paths: tuple[str, str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the images that both have are in each, in the order of the first."""
    place = {image: row for row, image in enumerate(zip(b.splits, b.paths, strict=True))}
    partners = [place.get(image, -1) for image in zip(a.splits, a.paths, strict=True)]
    found = np.array(partners, np.int64)
    rows = np.flatnonzero(found >= 0)
    if len(rows) == 0:
        raise UsageError(
            f"expected runs of the same images, but {paths[0]} ({_first_image(a)}) and "
            f"{paths[1]} ({_first_image(b)}) have none in common, by split and path: "
            "compare runs of one source, started with the same SOURCE"
        )
    return rows, found[rows]


def _first_image(labels: ImageLabels) -> str:
    return f"such as {labels.paths[0]} of {labels.splits[0]}" if len(labels) else "no images"


def _overlaps(a: Labels, b: Labels) -> list[Overlap]:
    """The pairs of clusters [N] that share images; -1 is none."""
    from scipy.optimize import linear_sum_assignment

    if not ((a >= 0) & (b >= 0)).any():
        return []
    numbers_a, numbers_b = np.unique(a[a >= 0]), np.unique(b[b >= 0])
    found = count_overlaps(compact(a), compact(b))
    table = np.zeros((len(numbers_a), len(numbers_b)), np.int64)
    table[found.rows, found.columns] = found.counts
    partners = dict(zip(*(x.tolist() for x in linear_sum_assignment(-table)), strict=True))
    sizes_a, sizes_b = np.bincount(compact(a) + 1)[1:], np.bincount(compact(b) + 1)[1:]
    pairs = [
        Overlap(
            a=int(numbers_a[row]),
            b=int(numbers_b[column]),
            n_images=count,
            share_of_a=count / int(sizes_a[row]),
            share_of_b=count / int(sizes_b[column]),
            is_matched=partners.get(row) == column,
        )
        for row, column, count in zip(*(x.tolist() for x in found), strict=True)
    ]
    return sorted(pairs, key=lambda pair: (not pair.is_matched, -pair.n_images, pair.a, pair.b))


def _is_matched(overlaps: list[Overlap], a: Labels, b: Labels) -> NDArray[np.bool_]:
    """Whether the clusters of each image [N] match; none matches itself."""
    partners = np.full(int(a.max()) + 2, -1, np.int64)
    for pair in overlaps:
        if pair.is_matched:
            partners[pair.a] = pair.b
    # -1 takes the last place, which stays -1; other clusters without a partner match nothing.
    matched: NDArray[np.bool_] = (partners[a] == b) & ((a >= 0) == (b >= 0))
    return matched


def _side(labels: ImageLabels, rows: NDArray[np.int64], path: str, *, matched: set[int]) -> Side:
    others = np.delete(np.arange(len(labels)), rows)
    shared = labels.clusters[rows]
    return Side(
        path=path,
        n_images=len(labels),
        n_clusters=len(labels.sizes()),
        is_corrected=labels.is_corrected,
        only=len(others),
        examples=[labels.paths[row] for row in others[:EXAMPLES].tolist()],
        unmatched=sorted(set(shared[shared >= 0].tolist()) - matched),
        names=dict(labels.names),
    )


def _moved(
    a: ImageLabels, b: ImageLabels, rows_a: NDArray[np.int64], rows_b: NDArray[np.int64]
) -> list[MovedImage]:
    clusters_a, clusters_b = a.clusters[rows_a].tolist(), b.clusters[rows_b].tolist()
    return [
        MovedImage(
            a.paths[row], a.splits[row], own, a.names.get(own, ""), other, b.names.get(other, "")
        )
        for row, own, other in zip(rows_a.tolist(), clusters_a, clusters_b, strict=True)
    ]
