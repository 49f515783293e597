"""Stage ``self-train``: the chosen consensus to a classifier that labels new images."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls.cache import (
    ConsensusEntry,
    FeatureSpec,
    read_graph,
    read_merges,
    read_nearest,
    write_tensors,
)
from ucls.cache import run_files as files
from ucls.clustering.mending import mended
from ucls.clustering.roundness import may_be_round, round_clusters
from ucls.clustering.self_training import fit_classifiers as fit
from ucls.clustering.voting import align_voters
from ucls.corrections.in_run import carry_corrections
from ucls.corrections.known import correct_known
from ucls.ensemble.head_votes import HeadVotes
from ucls.heads.trained import HeadLogits, TrainedHeads, logits_by_row
from ucls.merging.division import NEAREST
from ucls.progress import Reporter
from ucls.runs.classifier import Groups, Labelled, load_heads, write_classifier
from ucls.runs.features import SplitFeatures
from ucls.runs.heads import all_collapsed, as_trained, heads_of
from ucls.runs.image_labels import ImageLabels, write_labels
from ucls.runs.known import read_known
from ucls.runs.opening import as_stage
from ucls.runs.outliers import mark_outliers
from ucls.runs.own_labels import label_split
from ucls.runs.preparation import read_preparation
from ucls.runs.resolve import feature_width
from ucls.runs.room import stay_on_disk
from ucls.runs.run import Run
from ucls.runs.scores import warn_of_empty, warn_of_small
from ucls.tables import AnyFeatures, RowTable
from ucls.training.linear import CHUNK, SelfTrained
from ucls.types import Labels


@as_stage("self-train")
def self_train(run: Run) -> None:
    """Trains linear classifiers on the chosen consensus, and labels every image with one.

    Needs the features, ``assignments.h5``, ``consensus.h5`` and, where heads were merged,
    ``merges.h5`` and ``neighbors.h5``, by which the consensus is mended first; leaves
    ``classifier.safetensors``, ``labels.csv`` and, for ``evaluate``, what all candidates say of
    ``val`` in ``candidates.safetensors``.

    ``labels.csv`` has path, split, cluster, confidence (the share of the heads that agree) and
    probability (what the classifier gives that cluster). Training images keep what the classifier
    was taught where it sees but the heads' logits. With ``self_train.outliers`` images that
    belong nowhere have cluster -1 there, and ``outliers.csv`` lists them.
    """
    consensus, inputs = run.consensuses.chosen(), Inputs.of(run)
    combined, votes = _mended(run, consensus)
    # Of the consensus also for images that were moved since, of which heads know less.
    sure = consensus.confidence["train"]
    weights = sure if run.config.self_train.confidence_weights and sure.any() else None
    pseudo_labels = _pseudo_labels(run, combined)
    result = fit_classifiers(run, inputs, pseudo_labels, n_clusters=run.n_clusters, weights=weights)
    keep_chosen(run, inputs, result, votes=votes)
    _write_candidates(run, result, inputs, taught=pseudo_labels)
    labelled = {split: label_split(run, split) for split in run.splits}
    found = mark_outliers(run, _image_labels(run, labelled))
    known = read_known(run)
    labels = carry_corrections(run, found) if known is None else correct_known(run, known, found)
    write_labels(run, labels)
    clusters = {split: labels.clusters for split, labels in labelled.items()}
    warn_of_empty(run.reporter, "self-train", clusters, n_clusters=run.n_clusters)
    least = run.config.merge.min_cluster_size
    warn_of_small(run.reporter, clusters["train"], least=least, n_clusters=run.n_clusters)


def _mended(run: Run, consensus: ConsensusEntry) -> tuple[Labels, HeadVotes]:
    """The clusters of the training images, mended, [N], and what heads stand for in them."""
    labels, votes = consensus.labels["train"], _merged_votes(run, consensus)
    if not run.merges or all_collapsed(run, consensus.heads):
        return labels, votes
    clusters = mended(
        labels,
        lambda: read_nearest(run.folder.file(files.NEIGHBORS), NEAREST),
        n_clusters=run.n_clusters,
        config=run.config.merge,
        has_partitions=consensus.n_partitions > 0,
        reporter=run.reporter,
    )
    if np.array_equal(clusters, labels):
        return labels, votes
    by_head = as_trained(run).labels["train"][list(consensus.heads)]
    return clusters, votes.named_after(by_head, clusters, run.n_clusters)


def _pseudo_labels(run: Run, labels: Labels) -> Labels:
    """Those of the consensus [N], or, where its clusters are round, what k-means makes of them."""
    if not may_be_round(labels, n_clusters=run.n_clusters, config=run.config.merge):
        return labels
    with run.features("train") as cache:
        features = read_preparation(run).of_array(cache.read(run.feature_set))
    graph = read_graph(run.folder.file(files.NEIGHBORS))
    return round_clusters(
        labels,
        features,
        graph,
        n_clusters=run.n_clusters,
        config=run.config,
        reporter=run.reporter,
    )


def fit_classifiers(
    run: Run,
    inputs: "Inputs",
    pseudo_labels: Labels,
    *,
    n_clusters: int,
    weights: NDArray[np.floating] | None,
) -> SelfTrained:
    """Trains linear classifiers on labels [N] of the training images, and chooses one.

    The arguments and errors are those of :func:`ucls.training.linear.self_train`.
    """
    from ucls.ranks import together

    work = partial(_fit, inputs, pseudo_labels, n_clusters=n_clusters, weights=weights)
    if len(inputs.columns) == 1:  # which is the least that can be shared
        return work(run, reporter=run.reporter)
    return together(_fit_in, run.folder.path, work, reporter=run.reporter)


def _fit_in(path: Path, work: Callable[..., SelfTrained], *, reporter: Reporter) -> SelfTrained:
    return work(Run(path, reporter=reporter), reporter=reporter)


def _fit(
    inputs: "Inputs",
    pseudo_labels: Labels,
    run: Run,
    *,
    n_clusters: int,
    weights: NDArray[np.floating] | None,
    reporter: Reporter,
) -> SelfTrained:
    with run.features("train") as cache:
        return fit(
            inputs.read(run, cache),
            pseudo_labels,
            inputs.columns,
            n_clusters=n_clusters,
            config=run.config,
            weights=weights,
            reporter=reporter,
        )


def keep_chosen(
    run: Run,
    inputs: "Inputs",
    result: SelfTrained,
    *,
    votes: HeadVotes,
    groups: Groups | None = None,
) -> None:
    """Writes the classifier that was chosen, and says how good it is.

    Args:
        run: whose it is.
        inputs: what it takes.
        result: the candidates.
        votes: of the heads.
        groups: the clusters, where they were corrected.
    """
    consensus, candidate = run.consensuses.chosen(), result.candidates[result.chosen]
    write_classifier(
        run.folder,
        result.classifiers[result.chosen],
        candidate=candidate,
        feature_set=inputs.feature_set if inputs.heads else candidate.feature_set,
        takes_logits=inputs.heads is not None,
        voters=consensus.heads,
        votes=votes,
        groups=groups,
    )
    agreement = float(result.agreement[result.chosen])
    run.reporter.say(
        f"self-train: chose {candidate.feature_set} at learning rate {candidate.learning_rate:g}, "
        f"which meets {agreement:.1%} of the held-out pseudo-labels"
    )


@dataclass(frozen=True)
class Inputs:
    """What the classifiers see, as one matrix with named ranges of columns.

    Tokens of one backbone are tried in every combination; of several, the run's features are taken.

    Attributes:
        feature_set: what to read from the cache.
        columns: the columns of each candidate feature set.
        heads: the heads of the consensus, whose logits stand in for the features, or None.
    """

    feature_set: str
    columns: dict[str, slice]
    heads: TrainedHeads | None

    @classmethod
    def of(cls, run: Run) -> "Inputs":
        """What the run's settings ask for."""
        if run.config.self_train.inputs == "heads":
            heads = load_heads(run.folder, run.consensuses.chosen().heads)
            return cls(run.feature_set, {"heads": slice(0, heads.n_outputs)}, heads)
        with run.features("train") as cache:
            specs = list(cache.specs.values())
        if len(specs) > 1:
            width = feature_width(run.feature_set, run.data)
            return cls(run.feature_set, {run.feature_set: slice(0, width)}, None)
        columns = token_columns(specs[0], run.feature_set)
        widest = max(columns, key=lambda name: columns[name].stop - columns[name].start)
        return cls(widest, columns, None)

    def table(self, cache: SplitFeatures) -> RowTable:
        """The tokens of a split; float16 where the cache holds no more than that."""
        return cache.table(self.feature_set, dtype=cache.dtype)

    def read(self, run: Run, cache: SplitFeatures) -> AnyFeatures | HeadLogits:
        """The matrix of a split, in memory if there is room."""
        table, price = self.table(cache), "each batch is read from the feature cache"
        is_on_disk = stay_on_disk(run, "self-train", table.nbytes, price=price)
        tokens = table if is_on_disk else table[:]
        return tokens if self.heads is None else logits_by_row(self.heads, tokens)


def token_columns(spec: FeatureSpec, feature_set: str) -> dict[str, slice]:
    """The columns of each candidate feature set within the widest one.

    They are {1, 4} blocks x {without, with} patch mean, as in DINOv2's linear evaluation, and the
    patch mean alone where that is the run's feature set.
    """
    width = spec.n_features
    n_blocks = 4 if "cls4" in spec.feature_sets else 1
    columns = {
        "cls": slice((n_blocks - 1) * width, n_blocks * width),
        f"cls+{spec.patches}": slice((n_blocks - 1) * width, (n_blocks + 1) * width),
        "cls4": slice(0, 4 * width),
        f"cls4+{spec.patches}": slice(0, 5 * width),
    }
    if feature_set == spec.patches:
        columns[feature_set] = slice(n_blocks * width, (n_blocks + 1) * width)
    return {name: own for name, own in columns.items() if name in spec.feature_sets}


def _merged_votes(run: Run, consensus: ConsensusEntry) -> HeadVotes:
    """The heads of a consensus, aligned to it on the training images and weighed as it was.

    If all have collapsed, none has a vote.
    """
    mappings = None
    if run.merges:
        merged = read_merges(run.folder.file(files.MERGES)).heads
        mappings = [merged[head].cut(run.n_clusters) for head in consensus.heads]
    return align_voters(
        heads_of(run),
        consensus.labels["train"],
        consensus.heads,
        settings=consensus.settings or {},
        mappings=mappings,
        is_sure=not all_collapsed(run, consensus.heads),
    )


def _write_candidates(run: Run, result: SelfTrained, inputs: Inputs, *, taught: Labels) -> None:
    tensors: dict[str, NDArray[Any]] = {"agreement": result.agreement, "train": taught}
    if "val" in run.splits:
        with run.features("val") as cache:
            tokens = inputs.table(cache)
            matrix = tokens if inputs.heads is None else HeadLogits(inputs.heads, tokens)
            chunks = (matrix[start : start + CHUNK] for start in range(0, len(matrix), CHUNK))
            found = [_clusters_by_candidate(result, inputs, chunk) for chunk in chunks]
        tensors["val"] = np.concatenate(found, axis=1)
    names = json.dumps([candidate._asdict() for candidate in result.candidates])
    metadata = {"candidates": names, "chosen": str(result.chosen)}
    write_tensors(run.folder.file(files.CANDIDATES), tensors, metadata)


def _clusters_by_candidate(
    result: SelfTrained, inputs: Inputs, rows: NDArray[np.floating]
) -> NDArray[np.int32]:
    """What each candidate says of some rows, int32 [M, n]."""
    return np.stack(
        [
            classifier.predict(rows, inputs.columns[candidate.feature_set])[0]
            for candidate, classifier in zip(result.candidates, result.classifiers, strict=True)
        ]
    )


def _image_labels(run: Run, labelled: Mapping[str, Labelled]) -> ImageLabels:
    paths: dict[str, list[str]] = {}
    for split in labelled:
        with run.features(split) as cache:
            paths[split] = cache.paths()
    clusters, confidence, probability = map(np.concatenate, zip(*labelled.values(), strict=True))
    return ImageLabels(
        paths=[path for own in paths.values() for path in own],
        splits=[split for split, own in paths.items() for _ in own],
        clusters=clusters,
        confidence=confidence,
        probability=probability,
        found=clusters,
    )
