"""A finished run cut at another number of clusters, from the merge trees of its heads."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.cache import Assignments, ConsensusEntry, read_assignments, read_merges, write_csv
from ucls.cache import run_files as files
from ucls.ensemble import consensus
from ucls.ensemble.head_votes import HeadVotes
from ucls.errors import UsageError
from ucls.progress import SILENT, Reporter
from ucls.runs.catalog import run_files
from ucls.runs.consensus_settings import consensus_options
from ucls.runs.heads import all_collapsed, merged_assignments
from ucls.runs.labels import known_labels
from ucls.runs.opening import open_run
from ucls.runs.run import Run
from ucls.runs.scores import scores
from ucls.settings.config import EnsembleConfig


class CutSplit(NamedTuple):
    """What is said of the images of a split."""

    labels: NDArray[np.int32]
    """[N], numbered alike in all splits."""
    confidence: NDArray[np.float32]
    """Share of the heads that agree, [N]."""


class Cut(NamedTuple):
    """A run cut at some number of clusters."""

    path: Path
    """The CSV: path, split, cluster, confidence."""
    n_clusters: int
    splits: dict[str, CutSplit]
    scores: dict[str, dict[str, float]]
    """By split, against labels; empty where there are none."""


def cut(
    path: str | Path,
    n_clusters: int,
    *,
    out: str | Path | None = None,
    reporter: Reporter = SILENT,
) -> Cut:
    """Cuts the merge tree of every head, and makes a consensus of the heads.

    Needs ``merges.h5``, ``assignments.h5`` and a consensus, whose heads are taken; changes nothing
    in the run but leaves ``labels-k<n_clusters>.csv`` there.

    Args:
        path: the run folder.
        n_clusters: wanted, from 2 to the clusters that every head has filled.
        out: the CSV to write; None for the run's own.
        reporter: shown what happens.

    Raises:
        UsageError: if the run's heads were not merged, or have fewer clusters than wanted.
    """
    run = open_run(path, after="ensemble", reporter=reporter)
    if not run.merges:
        raise UsageError(
            f"the heads of {path} have no merge trees, since merge.linkage is none: make them with "
            f"`ucls merge {path} --set merge.linkage=average --set train.scales="
            f"{list(run.config.train.scales or ())}` and `ucls ensemble {path}`"
        )
    chosen = run.consensuses.chosen()
    merged = read_merges(run.folder.file(files.MERGES))
    trees = [merged.heads[head] for head in chosen.heads]
    most = min(len(head.leaves) for head in trees)
    if not 2 <= n_clusters <= most:
        raise UsageError(
            f"a cut must leave 2 to {most} clusters, as many as each head fills, not {n_clusters}: "
            "choose another -k, or train with larger train.scales"
        )
    heads = merged_assignments(
        read_assignments(run.folder.file(files.ASSIGNMENTS)),
        [head.cut(n_clusters) for head in merged.heads],
        n_clusters,
    )
    found = _combine(run, heads, chosen, n_clusters)
    labels = known_labels(run)
    figures = {split: scores(labels.get(split), one.labels) for split, one in found.items()}
    target = Path(out) if out else run.folder.file(f"labels-k{n_clusters}.csv")
    if target.resolve() == run.folder.file(target.name).resolve() and target.name in run_files():
        raise UsageError(f"{target} belongs to the run itself: choose another --out")
    write_csv(target, ("path", "split", "cluster", "confidence"), _rows(run, found))
    return Cut(target, n_clusters, found, figures)


def _combine(
    run: Run, heads: Assignments, chosen: ConsensusEntry, n_clusters: int
) -> dict[str, CutSplit]:
    """A consensus of the training images; other splits by what the heads' clusters stand for."""
    voters = list(chosen.heads)
    config = EnsembleConfig.model_validate(chosen.settings or {})
    options = consensus_options(config, heads.loss[voters])
    labels = {split: by_head[voters] for split, by_head in heads.labels.items()}
    train = consensus(
        labels["train"], n_clusters, method=chosen.method, seed=run.config.seed, **options
    )
    weights = None if config.weights == "equal" else options["weights"]
    votes = HeadVotes.of(labels["train"], train.labels, n_clusters, weights=weights)
    is_sure = np.float32(not all_collapsed(run, voters))
    found = {"train": CutSplit(train.labels, is_sure * train.confidence)}
    for split, by_head in labels.items():
        if split != "train":
            clusters = votes.majority(by_head, n_clusters)
            found[split] = CutSplit(clusters, is_sure * votes.confidence(by_head, clusters))
    return found


def _rows(run: Run, found: dict[str, CutSplit]) -> Iterator[tuple[str, str, int, str]]:
    for split, result in found.items():
        with run.features(split) as cache:
            paths = cache.paths()
        for image, cluster, share in zip(paths, result.labels, result.confidence, strict=True):
            yield image, split, int(cluster), f"{share:.4f}"
