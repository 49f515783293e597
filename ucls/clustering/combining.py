"""From trained heads to the labels of an array's images, and a classifier."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.clustering.head_training import Trained
from ucls.clustering.known import put_known, respect_known
from ucls.clustering.mending import mended
from ucls.clustering.roundness import may_be_round, round_clusters
from ucls.clustering.self_training import fit_classifiers
from ucls.clustering.voting import align_voters, select_voters
from ucls.constraints.groups import Constraints
from ucls.ensemble import Consensus, consensus
from ucls.ensemble.results import empty_note
from ucls.heads.trained import TrainedHeads, logits_by_row
from ucls.merging.partitions import voting_partitions
from ucls.neighbors.outliers import find_outliers
from ucls.preparation.prepared import Preparation
from ucls.progress import Reporter
from ucls.runs.classifier import Classifier, Labelled
from ucls.runs.consensus_settings import consensus_options
from ucls.runs.heads import all_collapsed_text, collapsed_among, merged_assignments
from ucls.runs.own_labels import keeps_taught, label_as_taught
from ucls.runs.scores import warn_of_small
from ucls.settings.config import Config, required
from ucls.types import Labels, MergedHead, MergedHeads, NeighborGraph, renumber

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
    of_labels: Labels | None
    """The cluster of each known label, int32 [L]; None if nothing is known."""

    def leaves(self) -> Leaves | None:
        """Those of the voter with the lowest loss; None if no clusters were merged."""
        if self.merged is None:
            return None
        assignments, voters = self.trained.assignments, list(self.classifier.voters)
        best = voters[int(np.argmin(assignments.loss[voters]))]
        head = self.merged.heads[best]
        return Leaves(head, renumber(assignments.labels["train"][best], head.leaf_of))


class Combining:
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
        known: Constraints | None,
    ) -> None:
        self.features, self.config, self.graph = features, config, graph
        self.preparation, self.known = preparation, known
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
        self.n_partitions = 0

    def finish(self, reporter: Reporter) -> Clustering:
        """Makes the consensus, and trains the classifier."""
        if not self.is_sure:
            reporter.warn(all_collapsed_text(len(self.voters)))
        combined = self.consensus(reporter)
        clusters = self.mended(combined, reporter)
        taught = self.pseudo_labels(clusters, reporter)
        classifier = self._classifier(combined, clusters, taught, reporter)
        labelled = label_as_taught(
            classifier,
            self.features,
            taught=taught if keeps_taught(self.config, is_known=self.known is not None) else None,
            by_head=self.trained.assignments.labels["train"][self.voters],
        )
        sizes = np.bincount(labelled.clusters, minlength=self.n_clusters)
        if not sizes.all():
            reporter.warn(empty_note(sizes))
        least = self.config.merge.min_cluster_size
        warn_of_small(reporter, labelled.clusters, least=least, n_clusters=self.n_clusters)
        labelled = _without_outliers(labelled, self.graph, self.config)
        of_labels = None
        if self.known is not None:
            labelled, of_labels = put_known(self.known, combined, labelled)
        return Clustering(labelled, classifier, combined, self.trained, self.merged, of_labels)

    def consensus(self, reporter: Reporter) -> Consensus:
        """Of the voters and of partitions of the graph, with what is known."""
        assignments, settings = self.assignments, self.config.ensemble
        beside = self._partitions(reporter)
        self.n_partitions = len(beside)
        voted = np.concatenate([assignments.labels["train"][self.voters], beside])
        loss = assignments.loss[self.voters]
        options = consensus_options(settings, loss, n_more=len(beside))
        found = consensus(
            voted,
            self.n_clusters,
            method=settings.method,
            seed=self.config.seed,
            numbered_alike=self.merged is not None and self.merged.numbered_alike(self.voters),
            **options,
        )
        if self.known is None:
            return found
        by_head = self.trained.assignments.labels["train"][self.voters]
        return respect_known(
            self.known, found, self.graph, by_head=by_head, voted=voted, reporter=reporter
        )

    def _partitions(self, reporter: Reporter) -> Labels:
        """Of the neighbour graph, that vote beside the heads, int32 [V, N]."""
        return voting_partitions(
            self.merged,
            lambda: self.graph,
            self.n_clusters,
            n_heads=len(self.voters),
            n_images=self.graph.n_images,
            linkage=self.config.merge.linkage,
            seed=self.config.seed,
            reporter=reporter,
        )

    def mended(self, combined: Consensus, reporter: Reporter) -> Labels:
        """The consensus, mended by the neighbour graph, int32 [N]."""
        if self.merged is None or self.known is not None or not self.is_sure:
            return combined.labels
        return mended(
            combined.labels,
            lambda: self.graph,
            n_clusters=self.n_clusters,
            config=self.config.merge,
            has_partitions=self.n_partitions > 0,
            reporter=reporter,
        )

    def pseudo_labels(self, labels: Labels, reporter: Reporter) -> Labels:
        """What self-training starts from, int32 [N]."""
        if self.known is not None or not may_be_round(
            labels, n_clusters=self.n_clusters, config=self.config.merge
        ):
            return labels
        return round_clusters(
            labels,
            self.preparation.of_array(self.features.copy()),
            self.graph,
            n_clusters=self.n_clusters,
            config=self.config,
            reporter=reporter,
        )

    def _classifier(
        self, combined: Consensus, clusters: Labels, taught: Labels, reporter: Reporter
    ) -> Classifier:
        """Of labels [N] that come from the consensus, whose clusters were mended, [N]."""
        heads = None
        columns = {"cls": slice(0, self.features.shape[1])}
        if self.config.self_train.inputs == "heads":
            heads = TrainedHeads(self.trained.tensors, self.trained.metadata, heads=self.voters)
            columns = {"heads": slice(0, heads.n_outputs)}
        votes = align_voters(
            self.assignments,
            combined.labels,
            self.voters,
            settings=self.config.ensemble.model_dump(),
            mappings=self.mappings,
            is_sure=self.is_sure,
        )
        if not np.array_equal(clusters, combined.labels):
            by_head = self.trained.assignments.labels["train"][self.voters]
            votes = votes.named_after(by_head, clusters, self.n_clusters)
        # Half precision, as consensus.h5 has it.
        sure = (self.is_sure * combined.confidence).astype(np.float16)
        is_weighed = self.config.self_train.confidence_weights and sure.any()
        result = fit_classifiers(
            self.features if heads is None else logits_by_row(heads, self.features),
            taught,
            columns,
            n_clusters=self.n_clusters,
            config=self.config,
            weights=sure if is_weighed else None,
            reporter=reporter,
        )
        linear = result.classifiers[result.chosen]
        return Classifier("cls", linear, heads, tuple(self.voters), votes)


def _without_outliers(labelled: Labelled, graph: NeighborGraph, config: Config) -> Labelled:
    wanted, clusters = config.self_train.outliers, labelled.clusters
    if wanted is None:
        return labelled
    told = find_outliers(graph, clusters, wanted, n_clusters=required(config.n_clusters))
    is_outlier = told.scores >= told.least
    return labelled._replace(clusters=np.where(is_outlier, np.int32(-1), clusters))
