"""What can still be a neighbour while a search goes through all images."""

from collections.abc import Iterator
from typing import NamedTuple

import torch

from ucls.neighbors.equal_rows import EqualRows
from ucls.neighbors.search import Block

BELOW_ALL = -2.0
"""Below every cosine."""
ABOVE_ALL = 2.0
SPARE_PER_QUERY = 512
"""Candidates that a query may have beyond its limit before they are thinned out, on average."""
ROWS_PER_GROUP = 256
MAXIMA_PER_NEIGHBOR = 4
MEMBERS_PER_PIECE = 2**24
LOOKED_AT = 8
"""Blocks that raise the bar; later ones would hardly raise it further."""


class SetRule(NamedTuple):
    """What makes S_x (thesis 5.2.5)."""

    k: int
    """Neighbours that every image gets."""
    threshold: float
    """Similarity above which images join; infinite for never."""
    limit: int
    """Largest size, at least k."""
    sample_seed: int | None = None
    """Where a set is cut, keep a uniform sample of it, drawn with this seed; None: the nearest."""


class Sets(NamedTuple):
    """S_x of some images, one after the other."""

    counts: torch.Tensor
    """Size of each, int64 [Q]."""
    images: torch.Tensor
    """int32 [n], each set by falling similarity."""
    similarity: torch.Tensor
    """float32 [n]."""
    capped: torch.Tensor
    """Whether it was cut, bool [Q]."""


class _Found(NamedTuple):
    """Candidates in the order of their queries."""

    queries: torch.Tensor
    """Their places in the chunk, int32 [n]."""
    images: torch.Tensor
    """int32 [n]."""
    similarity: torch.Tensor


class Candidates:
    """Collects the neighbours of a chunk of queries, block by block.

    Each query has a bar that no neighbour can be below. It only rises, so few of all similarities
    are ever looked at twice.

    Args:
        queries: the images, int64 [Q].
        rule: what makes a set.
        equal: the rows that stand for several images; None where rows are images.
    """

    def __init__(
        self, queries: torch.Tensor, rule: SetRule, equal: EqualRows | None = None
    ) -> None:
        self.queries, self.rule, self.equal = queries, rule, equal
        self.bar = torch.full(queries.shape, BELOW_ALL, device=queries.device)
        self.maxima = self.bar.unsqueeze(1).repeat(1, MAXIMA_PER_NEIGHBOR * rule.k)
        self.n_looked_at, self.n_above = 0, torch.zeros_like(queries)
        self.found: list[_Found] = []

    def add(self, block: Block) -> None:
        """Takes those of a block that reach the bar."""
        n_rows = block.similarity.shape[1]
        if self.n_looked_at < LOOKED_AT * n_rows:
            self._look_at(block.similarity)
            self.n_looked_at += n_rows
        places = (block.similarity >= self.bar.unsqueeze(1)).view(-1).nonzero().squeeze(1)
        similarity = block.similarity.view(-1)[places]
        queries = (places // n_rows).int()
        rows = block.rows.view(-1)[places if block.rows.ndim == 2 else places % n_rows]
        if self.equal is None:
            self._keep(_Found(queries, rows.int(), similarity))
        else:
            for found in self._members(queries, rows, similarity, self.equal):
                self._keep(found)

    def _keep(self, found: _Found) -> None:
        self.n_above += self._per_query(found.queries[found.similarity > self.rule.threshold])
        self.found.append(found)
        spare = SPARE_PER_QUERY + self.rule.limit
        if sum(len(part.queries) for part in self.found) > spare * len(self.queries):
            self._thin_out()

    def _members(
        self,
        queries: torch.Tensor,
        rows: torch.Tensor,
        similarity: torch.Tensor,
        equal: EqualRows,
    ) -> Iterator[_Found]:
        """The images of rows, but for the query itself; some at a time, as they can be many."""
        sizes = equal.sizes[rows]
        if self.rule.sample_seed is None:
            # Of equals the first win. One can be the query, and one more tells of a cut.
            sizes = sizes.clamp(max=self.rule.limit + 2)
        pieces = torch.bincount(sizes.cumsum(0) // MEMBERS_PER_PIECE).tolist()
        places = torch.arange(len(rows), device=rows.device)
        for part, counts in zip(
            torch.split(places, pieces), torch.split(sizes, pieces), strict=True
        ):
            source = part.repeat_interleave(counts)
            ranks = torch.arange(len(source), device=rows.device)
            ranks -= (counts.cumsum(0) - counts).repeat_interleave(counts)
            images = equal.members[equal.starts[rows[source]] + ranks]
            is_other = images != self.queries[queries[source]]
            source, images = source[is_other], images[is_other]
            yield _Found(queries[source], images.int(), similarity[source])

    def sets(self) -> Sets:
        """S_x of each query, once all images have been shown."""
        if self.rule.sample_seed is not None:
            self._thin_out()
        sizes = self.n_above.clamp(self.rule.k, self.rule.limit)
        parts = []
        for group in self._groups():
            n_largest = int(sizes[group.rows].max())
            similarity, order = largest(group.similarity, group.images, n_largest)
            ranks = torch.arange(n_largest, device=similarity.device)
            member = ranks < sizes[group.rows].unsqueeze(1)
            parts.append((group.images.gather(1, order)[member], similarity[member]))
        images, similarity = (torch.cat(column) for column in zip(*parts, strict=True))
        return Sets(sizes, images, similarity, self.n_above > self.rule.limit)

    def _look_at(self, similarity: torch.Tensor) -> None:
        """Raises the bar to the k-th largest similarity so far, or little less.

        Of the maxima of disjoint groups of images, the k-th largest is no larger than the k-th
        largest of all, and found faster.
        """
        n_queries, n_groups = self.maxima.shape
        per_group = similarity.shape[1] // n_groups
        if per_group == 0:
            return
        columns = similarity[:, : per_group * n_groups].view(n_queries, per_group, n_groups)
        self.maxima = torch.maximum(self.maxima, columns.amax(dim=1))
        kth = self.maxima.topk(self.rule.k, dim=1).values[:, -1]
        self.bar = kth.clamp(BELOW_ALL, self.rule.threshold)

    def _thin_out(self) -> None:
        """Keeps as many candidates as a set can have, and raises the bar."""
        kept, bars = [], []
        for group in self._groups():
            n_kept = min(self.rule.limit, group.similarity.shape[1])
            priority, order = largest(self._priority(group), group.images, n_kept)
            is_used = priority > HOLE
            queries = group.rows.int().unsqueeze(1).expand_as(order)
            kept.append(
                _Found(
                    queries[is_used],
                    group.images.gather(1, order)[is_used],
                    group.similarity.gather(1, order)[is_used],
                )
            )
            bars.append(self._risen_bar(priority, self.n_above[group.rows]))
        self.found = [_Found(*(torch.cat(column) for column in zip(*kept, strict=True)))]
        self.bar = torch.cat(bars)

    def _risen_bar(self, priority: torch.Tensor, n_above: torch.Tensor) -> torch.Tensor:
        """From the priorities [rows, n] by rank; unused places have a priority of ``HOLE``."""
        k, threshold, limit, sample_seed = self.rule
        n_ranked = priority.shape[1]
        bar = priority.new_full((len(priority),), BELOW_ALL)
        if n_ranked >= k:
            bar = priority[:, k - 1].clamp(BELOW_ALL, threshold)
        if sample_seed is None and n_ranked == limit:
            # A set that is cut anyway needs nothing below its last member; of another it has to be
            # known how many are above the threshold.
            bar = torch.where(n_above > limit, priority[:, -1].clamp_min(BELOW_ALL), bar)
        return bar

    def _priority(self, group: "_Group") -> torch.Tensor:
        """What is kept first: the nearest, or a sample of those above the threshold."""
        if self.rule.sample_seed is None:
            return group.similarity
        keys = self.queries[group.rows].unsqueeze(1) * 2**32 + group.images
        drawn = ABOVE_ALL + uniform(keys, self.rule.sample_seed)
        return torch.where(group.similarity > self.rule.threshold, drawn, group.similarity)

    def _groups(self) -> "Iterator[_Group]":
        """All candidates, some queries at a time, with a row for each."""
        n_queries = len(self.queries)
        counts = self._per_query(torch.cat([part.queries for part in self.found]))
        ends = counts.cumsum(0)
        images, similarity = self._by_query(ends - counts, int(ends[-1]))
        for start in range(0, n_queries, ROWS_PER_GROUP):
            rows = torch.arange(start, min(start + ROWS_PER_GROUP, n_queries), device=counts.device)
            span = slice(int(ends[start] - counts[start]), int(ends[rows[-1]]))
            width = torch.arange(int(counts[rows].max()), device=counts.device)
            is_used = width < counts[rows].unsqueeze(1)
            group = _Group(
                rows,
                images.new_zeros(is_used.shape),
                similarity.new_full(is_used.shape, HOLE),
            )
            group.images[is_used] = images[span]
            group.similarity[is_used] = similarity[span]
            yield group

    def _by_query(self, firsts: torch.Tensor, total: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Images and similarities of all candidates [total], those of a query side by side.

        Forgets each part of what was found as soon as it is taken over, which keeps the peak low.
        """
        images = self.found[0].images.new_empty(total)
        similarity = self.found[0].similarity.new_empty(total)
        firsts = firsts.clone()
        while self.found:
            part = self.found.pop(0)
            counts = self._per_query(part.queries)
            of_part = counts.cumsum(0) - counts
            places = torch.arange(len(part.queries), device=firsts.device)
            places += (firsts - of_part)[part.queries]
            images[places] = part.images
            similarity[places] = part.similarity
            firsts += counts
        return images, similarity

    def _per_query(self, queries: torch.Tensor) -> torch.Tensor:
        return torch.bincount(queries, minlength=len(self.queries))


HOLE = -torch.inf
"""The similarity of a place in a group that no candidate takes."""


class _Group(NamedTuple):
    """Candidates of some queries, a row for each."""

    rows: torch.Tensor
    """The queries' places in the chunk, int64 [r]."""
    images: torch.Tensor
    """int32 [r, n]."""
    similarity: torch.Tensor
    """float32 [r, n]."""


def largest(
    priority: torch.Tensor, images: torch.Tensor, n: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The n largest priorities of each row, falling; of equal ones the first image's come first.

    Args:
        priority: [r, n'], n' at least n.
        images: int32 [r, n'].
        n: of each row.

    Returns:
        The priorities [r, n] and their places, int64 [r, n].
    """
    # One more tells whether equal ones are cut apart.
    top, order = priority.topk(min(n + 1, priority.shape[1]), dim=1)
    is_next = (top[:, 1:] == top[:, :-1]) & (top[:, 1:] > HOLE)
    rows, columns = is_next.nonzero().unbind(dim=1)
    cut = rows[columns == n - 1]
    if len(cut) > 0:
        order[cut] = largest(priority[cut], images[cut], priority.shape[1])[1][:, : n + 1]
    if len(rows) > 0:
        leaders = rows * top.shape[1] + columns
        places = torch.unique(torch.cat([leaders, leaders + 1]))
        equals = order.view(-1)[places]
        run = (~torch.isin(places, leaders + 1)).cumsum(0)
        first_wins = (run * 2**32 + images.gather(1, order).view(-1)[places]).argsort()
        order.view(-1)[places] = equals[first_wins]
    return top[:, :n], order[:, :n]


# Of SplitMix64, as signed numbers: the golden ratio, and the factors after the shifts.
GAMMA = -0x61C8864680B583EB
ROUNDS = ((30, -0x40A7B892E31B1A47), (27, -0x6B2FB644ECCEEE15))


def uniform(keys: torch.Tensor, seed: int) -> torch.Tensor:
    """A number in [0, 1) for each key, the same wherever and whenever it is asked for.

    The finaliser of SplitMix64 (Steele et al. 2014), whose products wrap around.

    Args:
        keys: int64, any shape.
        seed: another seed gives other numbers.
    """
    mixed = keys + torch.full_like(keys, seed + 1) * GAMMA
    for shift, factor in ROUNDS:
        mixed = (mixed ^ _shifted(mixed, shift)) * factor
    return _shifted(mixed ^ _shifted(mixed, 31), 40).float() * 2.0**-24


def _shifted(values: torch.Tensor, bits: int) -> torch.Tensor:
    """Shifts int64 right as if they had no sign."""
    return (values >> bits).bitwise_and_((1 << (64 - bits)) - 1)
