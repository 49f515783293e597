"""The heads that take part in a consensus. True labels have no say in it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.ensemble.heads_as_text import Rule, format_heads, parse_heads
from ucls.ensemble.label_matrix import compact
from ucls.ensemble.mutual_information import centrality
from ucls.heads.collapse import collapsed_heads
from ucls.progress import Advance, ignore_progress
from ucls.types import IntArray


class Selection(NamedTuple):
    """The selected heads."""

    heads: tuple[int, ...]
    """Their numbers, rising."""
    notes: tuple[str, ...]
    """Which they are, by which rule, and which have collapsed and why."""


def select_heads(
    text: str,
    labels: IntArray,
    loss: npt.NDArray[np.floating],
    *,
    n_clusters: int,
    scales: IntArray | None = None,
    candidates: IntArray | None = None,
    collapsed: Mapping[int, str] | None = None,
    drop_collapsed: bool = True,
    advance: Advance = ignore_progress,
) -> Selection:
    """Selects heads by a rule, or those that are named.

    A rule chooses among the candidates that have not collapsed, and takes all of them where fewer
    are left than it asks for. Losses are compared among heads that were trained with as many
    clusters: the best of each come first, then the second best.

    A head has collapsed if it fills fewer than half of its clusters, or if the exponential of the
    entropy of its cluster sizes is below a quarter of their number.

    Args:
        text: as :func:`ucls.ensemble.heads_as_text.parse_heads` reads it.
        labels: what the heads say of the training images, [H, N] in -1..n_clusters-1.
        loss: their training loss, [H].
        n_clusters: of each candidate.
        scales: clusters that each head was trained with, [H]; None: all alike.
        candidates: numbers of the heads that a rule may choose; None: all.
        collapsed: heads that have collapsed, each with the reason, where it is known from before
            their clusters were merged; None: look at ``labels``.
        drop_collapsed: leave collapsed heads out, unless they are named or all have collapsed.
        advance: told of each pair of heads that the rule ``anmi`` compares.

    Raises:
        UsageError: the text is no selection of these heads.
    """
    eligible = list(range(len(labels))) if candidates is None else candidates.tolist()
    parsed = parse_heads(text, len(labels))
    if not isinstance(parsed, Rule):
        return Selection(parsed, (f"heads {format_heads(parsed)}, as named",))
    n_asked = parsed.count(len(eligible))
    notes: list[str] = []
    if drop_collapsed:
        if collapsed is None:
            collapsed = collapsed_heads(labels, [n_clusters] * len(labels))
        eligible, notes = _drop_collapsed(eligible, collapsed)
    n_taken = min(n_asked, len(eligible))
    ranked = eligible
    if n_taken < len(eligible):
        figures: npt.NDArray[Any]
        if parsed.name == "anmi":
            compacted = np.stack([compact(labels[head]) for head in eligible])
            figures = -centrality(compacted, advance=advance)
        else:
            alike = np.zeros(len(eligible)) if scales is None else scales[eligible]
            figures = rank_within(loss[eligible], alike)
        ranked = [eligible[place] for place in np.argsort(figures, kind="stable")]
    heads = tuple(sorted(ranked[:n_taken]))
    return Selection(heads, (*notes, _describe(parsed.name, heads, len(eligible))))


def rank_within(loss: npt.NDArray[np.floating], scales: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The rank of each loss among those of the same scale, from 0, int64 [H]."""
    ranks = np.zeros(len(loss), dtype=np.int64)
    for scale in np.unique(scales):
        alike = np.flatnonzero(scales == scale)
        ranks[alike[np.argsort(loss[alike], kind="stable")]] = np.arange(len(alike))
    return ranks


def _drop_collapsed(
    eligible: list[int], collapsed: Mapping[int, str]
) -> tuple[list[int], list[str]]:
    """The other heads, and what is to be told."""
    sound = [head for head in eligible if head not in collapsed]
    if len(sound) == len(eligible):
        return sound, []
    if not sound:
        return eligible, [f"all {len(eligible)} heads have collapsed, so none is left out"]
    told = [f"head {head} {collapsed[head]}" for head in eligible if head in collapsed]
    return sound, [f"left out as collapsed: {', '.join(told)}"]


def _describe(rule: str, heads: tuple[int, ...], n_candidates: int) -> str:
    """Says which heads a rule took."""
    taken = f"heads {format_heads(heads)}"
    if len(heads) == n_candidates:
        return f"{taken}, all {n_candidates} there are to choose from"
    figure = "lowest training loss" if rule == "best" else "highest mean NMI to the others"
    return f"{taken}, the {len(heads)} of {n_candidates} with the {figure}"
