"""The heads of a consensus: which they are, and what their clusters stand for in it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ucls.cache import Assignments
from ucls.ensemble.head_votes import HeadVotes
from ucls.ensemble.head_weights import HeadWeights, loss_weights
from ucls.ensemble.heads_as_text import Rule, parse_heads
from ucls.ensemble.selection import Selection, select_heads
from ucls.ensemble.steps import n_pairs
from ucls.progress import SILENT, Reporter
from ucls.settings.config import EnsembleConfig, required
from ucls.types import Labels


def select_voters(
    assignments: Assignments,
    config: EnsembleConfig,
    *,
    trained: Assignments,
    collapsed: Mapping[int, str],
    reporter: Reporter = SILENT,
) -> Selection:
    """The heads of a consensus; all splits take those that the training images speak for.

    Args:
        assignments: of all heads, as the consensus sees them.
        config: how they are chosen.
        trained: the same with the clusters that they were trained with.
        collapsed: heads that have collapsed, each with the reason.
        reporter: shown how far it is.
    """
    rule = parse_heads(required(config.heads), len(assignments.loss))
    compares_heads = isinstance(rule, Rule) and rule.name == "anmi"
    candidates = np.flatnonzero(assignments.head_clusters == assignments.n_clusters)
    shown, total = reporter if compares_heads else SILENT, n_pairs(len(candidates))
    with shown.track("ensemble: NMI of heads", total, "pairs of heads") as advance:
        return select_heads(
            required(config.heads),
            assignments.labels["train"],
            assignments.loss,
            n_clusters=assignments.n_clusters,
            scales=trained.head_clusters,
            candidates=candidates,
            collapsed=collapsed,
            drop_collapsed=config.drop_collapsed,
            advance=advance,
        )


def align_voters(
    assignments: Assignments,
    consensus: Labels,
    voters: Sequence[int],
    *,
    settings: Mapping[str, Any],
    mappings: Sequence[Labels] | None,
    is_sure: bool,
) -> HeadVotes:
    """Aligns heads to their consensus on the training images, and weighs them as it did.

    Args:
        assignments: of all heads, as the consensus sees them.
        consensus: of the voters, int32 [N].
        voters: their numbers.
        settings: of the consensus.
        mappings: for each voter the merged cluster of each of its clusters, [C']; None if they were
            not merged.
        is_sure: whether anything is known; if not, as all have collapsed, none has a vote.
    """
    heads = list(voters)
    weights: HeadWeights = None
    match settings.get("weights"):
        case "agreement":
            weights = "agreement"
        case "loss":
            weights = loss_weights(assignments.loss[heads])
    labels = assignments.labels["train"][heads]
    votes = HeadVotes.of(labels, consensus, assignments.n_clusters, weights=weights)
    if not is_sure:
        votes = HeadVotes(votes.names, np.zeros_like(votes.votes))
    return votes if mappings is None else votes.before_merging(mappings)
