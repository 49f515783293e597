"""All that a run does with features, on an array and without a file."""

from dataclasses import replace
from typing import Literal

from ucls.clustering.combining import Clustering, Combining, Features
from ucls.clustering.graph import find_neighborhood
from ucls.clustering.head_training import HeadTraining, Trained
from ucls.constraints.groups import Constraints
from ucls.devices import resolve_device
from ucls.ensemble import Consensus
from ucls.errors import UsageError
from ucls.merging import merge_heads
from ucls.merging.wishes import Wishes
from ucls.preparation.prepared import Preparation
from ucls.progress import SILENT, Reporter
from ucls.settings.config import Config, required
from ucls.training.training_set import TrainingSet
from ucls.types import Linkage, MergedHeads, NeighborGraph


def cluster(
    features: Features,
    config: Config,
    *,
    known: Constraints | None = None,
    reporter: Reporter = SILENT,
) -> Clustering:
    """Does the stages of a run but the first and the last, to the same labels.

    Args:
        features: float32 [N, D] of one space, N at least 2; they are not changed.
        config: all fields set, as :func:`ucls.clustering.fitting.fit_settings` leaves them.
        known: what the clusters have to respect of some of the images, with at most as many labels
            as clusters.
        reporter: shown what happens.

    Raises:
        UsageError: if the features are all the same, or a setting does not fit them.
        UclsError: if the training goes astray, or the heads cannot be combined.
    """
    return _train(features, config, None, reporter, known).finish(reporter)


def find_consensus(
    features: Features,
    config: Config,
    *,
    preparation: Preparation,
    reporter: Reporter = SILENT,
) -> Consensus:
    """Does the stages of a run up to the labels that self-training starts from.

    They are those of the consensus of the heads, mended by the neighbour graph, or what k-means
    makes of round clusters. Arguments and errors are those of :func:`cluster`, but the features may
    be of several spaces, for which ``preparation`` was fitted.
    """
    combining = _train(features, config, preparation, reporter)
    combined = combining.consensus(reporter)
    mended = combining.mended(combined, reporter)
    return replace(combined, labels=combining.pseudo_labels(mended, reporter))


def _train(
    features: Features,
    config: Config,
    preparation: Preparation | None,
    reporter: Reporter,
    known: Constraints | None = None,
) -> Combining:
    """Trains the heads, and merges their clusters."""
    if config.merge.known is not None:
        raise UsageError(
            "merge.known is for runs, whose images have paths: leave it out here, and give "
            "known_labels or pairs"
        )
    if config.neighbors.apart_from:
        raise UsageError("neighbors.apart_from is for runs: leave it out here")
    prepared, preparation, graph = find_neighborhood(
        features, config, preparation=preparation, reporter=reporter
    )
    data = TrainingSet(
        prepared,
        graph,
        config.train,
        n_clusters=required(config.n_clusters),
        device=resolve_device(config.device),
        preparation=preparation,
    )
    trained = HeadTraining(data, config, links=lambda: graph, reporter=reporter).train()
    merged = _merge(trained, graph, config, n_labels=known.n_labels if known else 0)
    if merged is not None and merged.clearest is not None:
        reporter.warn(
            f"{config.n_clusters} clusters look wrong: the images fall apart far more clearly into "
            f"{merged.clearest}"
        )
    return Combining(
        features,
        config,
        trained=trained,
        merged=merged,
        graph=graph,
        preparation=preparation,
        known=known,
    )


def _merge(
    trained: Trained, graph: NeighborGraph, config: Config, *, n_labels: int
) -> MergedHeads | None:
    linkage: Linkage | Literal["auto", "none"] = required(config.merge.linkage)
    if linkage == "none":
        return None
    return merge_heads(
        trained.assignments.labels["train"],
        graph,
        required(config.n_clusters),
        head_clusters=trained.assignments.head_clusters.tolist(),
        linkage=linkage,
        wishes=Wishes(config.merge.min_cluster_size, max(2, n_labels)),
    )
