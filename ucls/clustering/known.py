"""What is known of some images of an array, in their consensus and in their labels."""

import numpy as np

from ucls.constraints.groups import Constraints
from ucls.constraints.placing import place_where_most_are
from ucls.constraints.respect import Respected, respect
from ucls.ensemble import Consensus
from ucls.ensemble.comparison import highest
from ucls.progress import Reporter
from ucls.runs.classifier import Labelled
from ucls.types import Labels, NeighborGraph, renumber


def respect_known(
    known: Constraints,
    found: Consensus,
    graph: NeighborGraph,
    *,
    by_head: Labels,
    voted: Labels,
    reporter: Reporter,
) -> Consensus:
    """A consensus that respects what is known; of several methods the one of the highest ANMI then.

    The arguments are those of :func:`ucls.constraints.respect.respect`.
    """

    def respected(one: Consensus) -> Respected:
        return respect(known, one, graph, by_head=by_head, voted=voted)

    by_method = {found.method: found}
    if found.comparison is not None:
        by_method = found.comparison.results
    results = {method: respected(one) for method, one in by_method.items()}
    kept = results[highest({name: one.consensus.anmi for name, one in results.items()})]
    if kept.n_unmet:
        reporter.warn(kept.unmet_text())
    return kept.consensus


def put_known(
    known: Constraints, consensus: Consensus, labelled: Labelled
) -> tuple[Labelled, Labels]:
    """Puts known images where they belong, outliers too, and tells the cluster of each label."""
    n_clusters = len(consensus.cluster_sizes)
    placed = place_where_most_are(known, consensus.labels, n_clusters=n_clusters)
    wanted = renumber(known.group_of, placed)
    clusters = np.where(wanted >= 0, wanted, labelled.clusters)
    return labelled._replace(clusters=clusters), placed[: known.n_labels]
