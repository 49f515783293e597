"""All that a run does with features, on an array and without a file."""

from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.clustering.graph import find_neighborhood
from ucls.clustering.head_training import HeadTraining, Trained
from ucls.clustering.roundness import may_be_round, round_clusters
from ucls.clustering.self_training import fit_classifiers
from ucls.clustering.voting import align_voters, select_voters
from ucls.devices import resolve_device
from ucls.ensemble import Consensus, consensus
from ucls.ensemble.results import empty_note
from ucls.errors import UsageError
from ucls.heads.trained import TrainedHeads, logits_by_row
from ucls.merging import merge_heads
from ucls.merging.wishes import Wishes
from ucls.neighbors.outliers import find_outliers
from ucls.preparation.prepared import Preparation
from ucls.progress import SILENT, Reporter
from ucls.runs.classifier import Classifier, Labelled
from ucls.runs.consensus_settings import consensus_options
from ucls.runs.heads import all_collapsed_text, collapsed_among, merged_assignments
from ucls.settings.config import Config, required
from ucls.training.training_set import TrainingSet
from ucls.types import Labels, Linkage, MergedHead, MergedHeads, NeighborGraph, renumber

Features = npt.NDArray[np.floating]


class Leaves(NamedTuple):
    """The leaf of each image in a merge tree."""

    head: MergedHead
    of_images: Labels
    """int32 [N]; -1 is none."""


class Clustering(NamedTuple):
    """What became of N images."""

    labelled: Labelled
    classifier: Classifier
    consensus: Consensus
    """Of the voters, those heads that the classifier takes."""
    trained: Trained
    merged: MergedHeads | None
    """None if the heads' clusters were not merged."""

    def leaves(self) -> Leaves | None:
        """Those of the voter with the lowest loss; None if no clusters were merged."""
        if self.merged is None:
            return None
        assignments, voters = self.trained.assignments, list(self.classifier.voters)
        best = voters[int(np.argmin(assignments.loss[voters]))]
        head = self.merged.heads[best]
        return Leaves(head, renumber(assignments.labels["train"][best], head.leaf_of))


def cluster(features: Features, config: Config, *, reporter: Reporter = SILENT) -> Clustering:
    """Does the stages of a run but the first and the last, to the same labels.

    Args:
        features: float32 [N, D] of one space, N at least 2; they are not changed.
        config: all fields set, as :func:`ucls.clustering.fitting.fit_settings` leaves them.
        reporter: shown what happens.

    Raises:
        UsageError: if the features are all the same, or a setting does not fit them.
        UclsError: if the training goes astray, or the heads cannot be combined.
    """
    return _train(features, config, None, reporter).finish(reporter)


def find_consensus(
    features: Features,
    config: Config,
    *,
    preparation: Preparation,
    reporter: Reporter = SILENT,
) -> Consensus:
    """Does the stages of a run up to the labels that self-training starts from.

    They are those of the consensus of the heads, or what k-means makes of round clusters. Arguments
    and errors are those of :func:`cluster`, but the features may be of several spaces, for which
    ``preparation`` was fitted.
    """
    combining = _train(features, config, preparation, reporter)
    combined = combining.consensus()
    return replace(combined, labels=combining.pseudo_labels(combined, reporter))


def _train(
    features: Features, config: Config, preparation: Preparation | None, reporter: Reporter
) -> "_Combining":
    """Trains the heads, and merges their clusters."""
    if config.merge.known is not None:
        raise UsageError("merge.known is for runs, whose images have paths: leave it out here")
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
    merged = _merge(trained, graph, config)
    if merged is not None and merged.clearest is not None:
        reporter.warn(
            f"{config.n_clusters} clusters look wrong: the images fall apart far more clearly into "
            f"{merged.clearest}"
        )
    return _Combining(
        features, config, trained=trained, merged=merged, graph=graph, preparation=preparation
    )


def _without_outliers(labelled: Labelled, graph: NeighborGraph, config: Config) -> Labelled:
    wanted, clusters = config.self_train.outliers, labelled.clusters
    if wanted is None:
        return labelled
    told = find_outliers(graph, clusters, wanted, n_clusters=required(config.n_clusters))
    is_outlier = told.scores >= told.least
    return labelled._replace(clusters=np.where(is_outlier, np.int32(-1), clusters))


def _merge(trained: Trained, graph: NeighborGraph, config: Config) -> MergedHeads | None:
    linkage: Linkage | Literal["auto", "none"] = required(config.merge.linkage)
    if linkage == "none":
        return None
    return merge_heads(
        trained.assignments.labels["train"],
        graph,
        required(config.n_clusters),
        head_clusters=trained.assignments.head_clusters.tolist(),
        linkage=linkage,
        wishes=Wishes(config.merge.min_cluster_size),
    )


class _Combining:
    """From trained heads to a classifier."""

    def __init__(
        self,
        features: Features,
        config: Config,
        *,
        trained: Trained,
        merged: MergedHeads | None,
        graph: NeighborGraph,
        preparation: Preparation,
    ) -> None:
        self.features, self.config, self.graph = features, config, graph
        self.preparation = preparation
        self.trained, self.merged = trained, merged
        self.n_clusters = (merged and merged.n_left) or required(config.n_clusters)
        cuts = [head.cut(self.n_clusters) for head in merged.heads] if merged else None
        self.assignments = trained.assignments
        if cuts is not None:
            self.assignments = merged_assignments(trained.assignments, cuts, self.n_clusters)
        collapsed = collapsed_among(trained.assignments, lambda: features)
        selection = select_voters(
            self.assignments, config.ensemble, trained=trained.assignments, collapsed=collapsed
        )
        self.voters = list(selection.heads)
        self.mappings = None if cuts is None else [cuts[head] for head in self.voters]
        self.is_sure = not collapsed.keys() >= set(self.voters)

    def finish(self, reporter: Reporter) -> Clustering:
        """Makes the consensus, and trains the classifier."""
        if not self.is_sure:
            reporter.warn(all_collapsed_text(len(self.voters)))
        combined = self.consensus()
        classifier = self._classifier(combined, reporter)
        by_head = self.trained.assignments.labels["train"][self.voters]
        labelled = classifier.judge(*classifier.predict(self.features), by_head)
        sizes = np.bincount(labelled.clusters, minlength=self.n_clusters)
        if not sizes.all():
            reporter.warn(empty_note(sizes))
        labelled = _without_outliers(labelled, self.graph, self.config)
        return Clustering(labelled, classifier, combined, self.trained, self.merged)

    def consensus(self) -> Consensus:
        """Of the voters."""
        assignments, settings = self.assignments, self.config.ensemble
        return consensus(
            assignments.labels["train"][self.voters],
            self.n_clusters,
            method=settings.method,
            seed=self.config.seed,
            numbered_alike=self.merged is not None and self.merged.numbered_alike(self.voters),
            **consensus_options(settings, assignments.loss[self.voters]),
        )

    def pseudo_labels(self, combined: Consensus, reporter: Reporter) -> Labels:
        """What self-training starts from, int32 [N]."""
        labels = combined.labels
        if not may_be_round(labels, n_clusters=self.n_clusters, config=self.config.merge):
            return labels
        return round_clusters(
            labels,
            self.preparation.of_array(self.features.copy()),
            self.graph,
            n_clusters=self.n_clusters,
            reporter=reporter,
        )

    def _classifier(self, combined: Consensus, reporter: Reporter) -> Classifier:
        heads = None
        columns = {"cls": slice(0, self.features.shape[1])}
        if self.config.self_train.inputs == "heads":
            heads = TrainedHeads(self.trained.tensors, self.trained.metadata, heads=self.voters)
            columns = {"heads": slice(0, heads.n_outputs)}
        # Half precision, as consensus.h5 has it.
        sure = (self.is_sure * combined.confidence).astype(np.float16)
        is_weighed = self.config.self_train.confidence_weights and sure.any()
        result = fit_classifiers(
            self.features if heads is None else logits_by_row(heads, self.features),
            self.pseudo_labels(combined, reporter),
            columns,
            n_clusters=self.n_clusters,
            config=self.config,
            weights=sure if is_weighed else None,
            reporter=reporter,
        )
        votes = align_voters(
            self.assignments,
            combined.labels,
            self.voters,
            settings=self.config.ensemble.model_dump(),
            mappings=self.mappings,
            is_sure=self.is_sure,
        )
        linear = result.classifiers[result.chosen]
        return Classifier("cls", linear, heads, tuple(self.voters), votes)
