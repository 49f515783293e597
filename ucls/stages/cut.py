"""A finished run cut at another number of clusters, from the merge trees of its heads."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ucls.cache import (
    Assignments,
    check_output,
    has_table,
    read_assignments,
    read_merges,
    write_csv,
)
from ucls.cache import run_files as files
from ucls.ensemble import consensus
from ucls.ensemble.head_votes import HeadVotes
from ucls.errors import UsageError
from ucls.progress import SILENT, Reporter
from ucls.runs.catalog import run_files
from ucls.runs.consensus_settings import consensus_options
from ucls.runs.heads import all_collapsed, merge_labels
from ucls.runs.labels import known_labels
from ucls.runs.opening import open_run
from ucls.runs.partitions import partitions_of
from ucls.runs.run import Run
from ucls.runs.scores import scores, warn_of_empty
from ucls.settings.config import EnsembleConfig
from ucls.types import Labels

COLUMNS = ("path", "split", "cluster", "confidence")


class CutSplit(NamedTuple):
    """What is said of the images of a split."""

    labels: Labels
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
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Cut:
    """Cuts the merge tree of every head, and makes a consensus of the heads.

    Needs ``merges.h5``, ``assignments.h5`` and a consensus, whose heads are taken, and at its own
    number ``neighbors.h5`` if partitions of that graph voted; changes nothing in the run but leaves
    ``labels-k<n_clusters>.csv`` there. What mended the run's own clusters has no part in it.

    Args:
        path: the run folder.
        n_clusters: wanted, from 2 to the clusters that every head has filled.
        out: the CSV to write; None for the run's own, ``-`` for standard output.
        overwrite: replace a file there that is no earlier cut.
        reporter: shown what happens.

    Raises:
        UsageError: if the run's heads were not merged, or have fewer clusters than wanted, or the
            CSV may not be written.

    Example:
        >>> from ucls.stages.cut import cut
        >>> two = cut("runs/features", 2)
        >>> two.path.name, sorted(set(two.splits["train"].labels.tolist()))
        ('labels-k2.csv', [0, 1])
    """
    run = open_run(path, after="ensemble", reporter=reporter)
    own = run.folder.file(f"labels-k{n_clusters}.csv")
    target = Path(out) if out else own
    check_output(
        target,
        is_own=has_table(COLUMNS),
        overwrite=overwrite,
        protected=run.inputs(),
        reserved=() if target.name == own.name else run_files(),
    )
    assignments = read_assignments(run.folder.file(files.ASSIGNMENTS))
    votes = CutVotes.of(run, assignments, n_clusters)
    found = {
        split: votes.train if split == "train" else votes.label(by_head[votes.voters])
        for split, by_head in assignments.labels.items()
    }
    labels = known_labels(run)
    figures = {split: scores(labels.get(split), one.labels) for split, one in found.items()}
    write_csv(target, COLUMNS, _rows(run, found))
    clusters = {split: one.labels for split, one in found.items()}
    warn_of_empty(reporter, "cut", clusters, n_clusters=n_clusters)
    return Cut(target, n_clusters, found, figures)


@dataclass(frozen=True, eq=False)
class CutVotes:
    """What the clusters of the heads stand for in a run cut at some number of clusters.

    Attributes:
        voters: numbers of the heads, those of the run's consensus.
        mappings: for each of them the merged cluster of each of its clusters, [C'].
        votes: what these stand for.
        train: the consensus of the training images.
        n_clusters: of the cut.
        is_sure: whether anything is known, since not all voters have collapsed.
    """

    voters: list[int]
    mappings: list[Labels]
    votes: HeadVotes
    train: CutSplit
    n_clusters: int
    is_sure: bool

    @classmethod
    def of(cls, run: Run, assignments: Assignments, n_clusters: int) -> Self:
        """Cuts the merge trees, and makes a consensus of the training images.

        Args:
            run: whose merge trees they are.
            assignments: of the run's heads, as they were trained.
            n_clusters: wanted.

        Raises:
            UsageError: as :func:`cut` has it.
        """
        path = run.folder.path
        if not run.merges:
            raise UsageError(
                f"the heads of {path} have no merge trees, since merge.linkage is none: make them "
                f"with `ucls merge {path} --set merge.linkage=average --set train.scales="
                f"{list(run.config.train.scales or ())}` and `ucls ensemble {path}`"
            )
        chosen = run.consensuses.chosen()
        voters = list(chosen.heads)
        merged = read_merges(run.folder.file(files.MERGES))
        trees = [merged.heads[head] for head in voters]
        most = min(head.n_filled for head in trees)
        if not 2 <= n_clusters <= most:
            raise UsageError(
                f"a cut must leave 2 to {most} clusters, as many as each head fills, not "
                f"{n_clusters}: choose another -k, or make another run with -k {n_clusters}"
            )
        mappings = [head.cut(n_clusters) for head in trees]
        config = EnsembleConfig.model_validate(chosen.settings or {})
        labels = merge_labels(assignments.labels["train"][voters], mappings)
        voted, loss = labels, assignments.loss[voters]
        # So that it is the run's own consensus.
        if n_clusters == run.n_clusters and chosen.n_partitions:
            n_images = labels.shape[1]
            beside = partitions_of(run, n_heads=len(voters), n_images=n_images, reporter=SILENT)
            voted = np.concatenate([labels, beside])
        options = consensus_options(config, loss, n_more=len(voted) - len(labels))
        train = consensus(
            voted,
            n_clusters,
            method=chosen.method,
            seed=run.config.seed,
            numbered_alike=merged.numbered_alike(voters),
            **options,
        )
        own = consensus_options(config, loss)["weights"]
        weights = None if config.weights == "equal" else own
        votes = HeadVotes.of(labels, train.labels, n_clusters, weights=weights)
        is_sure = not all_collapsed(run, voters)
        found = CutSplit(train.labels, np.float32(is_sure) * train.confidence)
        return cls(voters, mappings, votes, found, n_clusters, is_sure)

    def label(self, by_head: Labels) -> CutSplit:
        """Labels other images by what the voters say of them, int32 [H, M], as trained."""
        merged = merge_labels(by_head, self.mappings)
        clusters = self.votes.majority(merged, self.n_clusters)
        confidence = self.votes.confidence(merged, clusters)
        return CutSplit(clusters, np.float32(self.is_sure) * confidence)


def _rows(run: Run, found: dict[str, CutSplit]) -> Iterator[tuple[str, str, int, str]]:
    for split, result in found.items():
        with run.features(split) as cache:
            paths = cache.paths()
        for image, cluster, share in zip(paths, result.labels, result.confidence, strict=True):
            yield image, split, int(cluster), f"{share:.4f}"
