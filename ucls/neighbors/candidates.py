"""What can still be a neighbour while a search goes through all images."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.neighbors.equal_rows import EqualRows
from ucls.neighbors.search import Block

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

BELOW_ALL = -2.0
"""Below every cosine."""
ABOVE_ALL = 2.0
SPARE_PER_QUERY = 512
"""Candidates that a query may have beyond its limit before they are thinned out, on average."""
MAXIMA_PER_NEIGHBOR = 4
MEMBERS_PER_PIECE = 2**22


class SetRule(NamedTuple):
    """What makes S_x (thesis 5.2.5)."""

    k: int
    """Neighbours that every image gets."""
    threshold: float | None
    """Similarity above which images join; infinite for never; None for the median, over the
    queries, of the similarity to the k-th neighbour."""
    limit: int
    """Largest size, at least k."""
    sample_seed: int | None = None
    """Where a set is cut, keep a uniform sample of it, drawn with this seed; None: the nearest."""


class Sets(NamedTuple):
    """S_x of some images, one after the other."""

    counts: Ints
    """Size of each [Q]."""
    images: npt.NDArray[np.int32]
    """[n], each set by falling similarity."""
    similarity: npt.NDArray[np.float16]
    """[n]."""
    capped: npt.NDArray[np.bool_]
    """Whether it was cut [Q]."""

    def rows(self, order: Ints) -> "Sets":
        """The sets at these places [R], in this order."""
        counts, starts = self.counts[order], (np.cumsum(self.counts) - self.counts)[order]
        places = _runs(starts, counts)
        return Sets(counts, self.images[places], self.similarity[places], self.capped[order])


def join(parts: Iterable[Sets]) -> Sets:
    """All sets of some parts, one after the other."""
    return Sets(*(np.concatenate(column) for column in zip(*parts, strict=True)))


class Candidates:
    """Collects the neighbours of a few queries, block by block.

    Each query has a bar that no neighbour can be below. It only rises, so few of all similarities
    are ever looked at twice. A candidate is one number, see :func:`pack`.

    Args:
        queries: the images [Q].
        rule: what makes a set. If it leaves the threshold open, :attr:`threshold` is raised from
            outside, never above what it is in the end, and blocks are first looked at.
        equal: the rows that stand for several images; None where rows are images.
    """

    def __init__(self, queries: Ints, rule: SetRule, equal: EqualRows | None = None) -> None:
        self.queries, self.rule, self.equal = queries, rule, equal
        self.threshold = BELOW_ALL if rule.threshold is None else rule.threshold
        self.kth = np.full(len(queries), BELOW_ALL, np.float32)
        """The k-th largest similarity so far, or less [Q]."""
        self.beyond = self.kth.copy()
        """The largest that a full set has no room for, or less [Q]."""
        self.maxima = self.kth[:, None].repeat(MAXIMA_PER_NEIGHBOR * rule.k, axis=1)
        self.n_blocks = 0
        self.counts: list[Ints] = []
        self.found: list[Ints] = []
        """Candidates in the order of their queries, and how many each has, in parts."""

    def look_at(self, block: Block) -> None:
        """Raises the bar by the first, second, fourth, eighth ... block.

        Of the maxima of disjoint groups of images, the k-th largest is no larger than the k-th
        largest of all, and found faster.
        """
        self.n_blocks += 1
        n_groups = self.maxima.shape[1]
        if self.n_blocks & (self.n_blocks - 1) or block.similarity.shape[1] < n_groups:
            return
        self.maxima = np.maximum(self.maxima, block.maxima(n_groups))
        kth = np.partition(self.maxima, -self.rule.k, axis=1)[:, -self.rule.k]
        self.kth = np.maximum(self.kth, kth)

    def add(self, block: Block) -> None:
        """Takes those of a block that reach the bar."""
        if self.rule.threshold is not None:
            self.look_at(block)
        bar = np.maximum(np.minimum(self.kth, np.float32(self.threshold)), self.beyond)
        places, similarity = block.reaching(bar)
        n_rows = block.similarity.shape[1]
        firsts = np.arange(len(bar) + 1) * n_rows
        counts = np.diff(np.searchsorted(places, firsts))
        if block.rows.ndim == 1:
            places -= firsts[:-1].repeat(counts)
        rows = block.rows.take(places)
        if self.equal is None:
            self._keep(counts, pack(similarity, rows))
        else:
            queries = np.arange(len(bar)).repeat(counts)
            for of_piece, keys in self._members(queries, rows, similarity, self.equal):
                self._keep(of_piece, keys)

    def sets(self) -> Sets:
        """S_x of each query, once all images have been shown."""
        k, _, limit, _ = self.rule
        ranked = self._rank()
        n_above = self._is_above(ranked).sum(axis=1)
        sizes = n_above.clip(k, limit)
        first = self._first(ranked, limit)
        members = first[np.arange(first.shape[1]) < sizes[:, None]]
        similarity = similarity_of(members).astype(np.float16)
        return Sets(sizes, _images_of(members), similarity, n_above > limit)

    def thin_out(self) -> None:
        """Keeps as many candidates as a set can have, and one that tells of a cut; raises the bar.

        The k-th largest similarity is then that of all images shown, if there are k.
        """
        k, _, limit, sample_seed = self.rule
        ranked = self._rank()
        if ranked.shape[1] >= k:
            self.kth = np.maximum(self.kth, similarity_of(ranked[:, k - 1]))
        if sample_seed is None and ranked.shape[1] > limit:
            self.beyond = np.maximum(self.beyond, similarity_of(ranked[:, limit]))
        kept = self._first(ranked, limit + 1)
        is_used = kept != NONE
        self.counts, self.found = [is_used.sum(axis=1)], [kept[is_used]]

    def _rank(self) -> Ints:
        """All candidates by falling similarity [Q, n], filled up with ``NONE``; forgets them."""
        counts = np.sum(self.counts, axis=0)
        ranked = np.full((len(self.queries), counts.max()), NONE)
        ends = np.arange(len(ranked)) * ranked.shape[1]
        while self.found:
            of_part = self.counts.pop(0)
            ranked.ravel()[_runs(ends, of_part)] = self.found.pop(0)
            ends += of_part
        ranked.sort(axis=1)
        return ranked

    def _keep(self, counts: Ints, keys: Ints) -> None:
        self.counts.append(counts)
        self.found.append(keys)
        n_most = (SPARE_PER_QUERY + self.rule.limit) * len(self.queries)
        if sum(map(len, self.found)) > n_most:
            self.thin_out()

    def _members(
        self, queries: Ints, rows: Ints, similarity: Floats, equal: EqualRows
    ) -> Iterator[tuple[Ints, Ints]]:
        """The images of rows, but for the query itself; some at a time, as they can be many."""
        sizes = equal.sizes[rows]
        if self.rule.sample_seed is None:
            # Of equals the first win. One can be the query, and one more tells of a cut.
            sizes = np.minimum(sizes, self.rule.limit + 2)
        ends = sizes.cumsum()
        cuts = np.searchsorted(ends, np.arange(MEMBERS_PER_PIECE, sizes.sum(), MEMBERS_PER_PIECE))
        for part in np.split(np.arange(len(rows)), cuts):
            source = part.repeat(sizes[part])
            images = equal.members[_runs(equal.starts[rows[part]], sizes[part])]
            is_other = images != self.queries[queries[source]]
            source, images = source[is_other], images[is_other]
            counts = np.bincount(queries[source], minlength=len(self.queries))
            yield counts, pack(similarity[source], images)

    def _is_above(self, keys: Ints) -> npt.NDArray[np.bool_]:
        return keys < pack(np.full(1, self.threshold, np.float32), np.zeros(1, np.int64))

    def _first(self, ranked: Ints, n: int) -> Ints:
        """Of each row n by rank; the nearest, or a sample of those above the threshold."""
        if self.rule.sample_seed is None or ranked.shape[1] <= n:
            return ranked[:, :n]
        images = _images_of(ranked)
        drawn = ABOVE_ALL + uniform(self.queries[:, None] * 2**32 + images, self.rule.sample_seed)
        priority = np.where(self._is_above(ranked), drawn, similarity_of(ranked))
        order = pack(priority, images).argsort(axis=1)[:, :n]
        return np.sort(np.take_along_axis(ranked, order, axis=1), axis=1)


def pack(similarity: Floats, images: npt.NDArray[np.integer]) -> Ints:
    """Similarities and images, of any one shape, as numbers that sort as neighbours do.

    A smaller one is a larger similarity, or the same and an earlier image.
    """
    # Zero has two signs, of which adding zero leaves one.
    halves = np.stack([images.astype(np.int32), ~_ordered((similarity + 0.0).view(np.int32))], -1)
    return halves.view(np.int64)[..., 0]


def similarity_of(keys: Ints) -> Floats:
    """What was packed."""
    return _ordered(~(keys >> 32).astype(np.int32)).view(np.float32)


def _images_of(keys: Ints) -> npt.NDArray[np.int32]:
    return keys.astype(np.int32)


def _ordered(bits: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """From the bits of a float32 to a number in the same order, and back."""
    return bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))


NONE = pack(np.full(1, -np.inf, np.float32), np.full(1, -1))[0]
"""No candidate."""


def _runs(starts: Ints, counts: Ints) -> Ints:
    """From each start on, so many numbers."""
    places = np.repeat(starts - (np.cumsum(counts) - counts), counts)
    places += np.arange(len(places))
    return places


# Of SplitMix64: the golden ratio, and the factors after the shifts.
GAMMA = 0x9E3779B97F4A7C15
ROUNDS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def uniform(keys: Ints, seed: int) -> Floats:
    """A number in [0, 1) for each key, the same wherever and whenever it is asked for.

    The finaliser of SplitMix64 (Steele et al. 2014), whose products wrap around.

    Args:
        keys: any shape.
        seed: another seed gives other numbers.
    """
    mixed = keys.view(np.uint64) + np.uint64((seed + 1) * GAMMA % 2**64)
    for shift, factor in ROUNDS:
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
