"""Stage ``merge``: heads with more clusters than wanted, merged down by the neighbour graph."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ucls.cache import read_assignments, read_nearest, write_merges
from ucls.cache import run_files as files
from ucls.errors import UsageError
from ucls.merging import looks_unequal, merge_heads
from ucls.merging.links import NEAREST
from ucls.merging.wishes import Wishes
from ucls.progress import SILENT, Reporter
from ucls.runs.heads import wanted_linkage
from ucls.runs.known import read_known
from ucls.runs.opening import open_for
from ucls.runs.run import Run
from ucls.settings.config import required
from ucls.types import MergedHeads
from ucls.wording import count


def merge(
    path: str | Path,
    *,
    settings: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Path:
    """Merges the clusters of every head by how often the neighbour graph links them.

    Needs ``assignments.h5`` and ``neighbors.h5`` and nothing else; leaves ``merges.h5``, with a
    merge tree for each head, which :func:`ucls.stages.cut.cut` cuts anywhere. With
    ``merge.linkage = none`` it only tells whether the heads' clusters look unequal.

    Args:
        path: the run folder.
        settings: dotted names to values that replace the run's own from now on.
        overwrite: do it again even if it is done.
        reporter: shown what happens.

    Returns:
        The path of ``merges.h5``, or of ``assignments.h5`` where heads stay as they are.
    """
    run = open_for("merge", path, settings=settings, reporter=reporter)
    if not run.merges:
        _tell_whether_unequal(run)
        return run.folder.file(files.ASSIGNMENTS)
    target = run.folder.file(files.MERGES)
    with run.freshness.work("merge", overwrite=overwrite) as todo:
        if todo:
            _merge(run, target)
    return target


def _merge(run: Run, target: Path) -> None:
    assignments = read_assignments(run.folder.file(files.ASSIGNMENTS))
    n_heads, known = len(assignments.loss), read_known(run)
    n_labels = len(known.names) if known else 0
    wishes = Wishes(run.config.merge.min_cluster_size, max(2, n_labels))
    with run.reporter.track("merge", n_heads, "heads") as advance:
        merged = merge_heads(
            assignments.labels["train"],
            read_nearest(run.folder.file(files.NEIGHBORS), NEAREST),
            run.n_wanted,
            head_clusters=assignments.head_clusters.tolist(),
            linkage=wanted_linkage(run),
            wishes=wishes,
            advance=advance,
        )
    # Those of the merges before have the same key if only a version has changed.
    run.consensuses.forget()
    write_merges(target, merged)
    if (assignments.head_clusters == run.n_wanted).all():
        _tell_whether_unequal(run)
        gave_way = min(required(run.config.train.scales)) > 1
        if gave_way and (wanted_linkage(run) != "auto" or wishes.min_size):
            run.reporter.warn(
                "merge: there is nothing to merge as asked, since larger heads did not agree and "
                f"gave way to these; for others: ucls train {run.folder.path} --overwrite"
            )
        return
    sizes = sorted(set(assignments.head_clusters.tolist()))
    run.reporter.say(
        f"merge: {count(n_heads, 'head')} of {', '.join(map(str, sizes))} clusters to "
        f"{run.n_wanted} by {merged.linkage} linkage{_reason(merged)}"
    )
    if merged.n_left is not None:
        run.reporter.say(
            f"merge: {count(merged.n_left, 'cluster')} left of {run.n_wanted}, as those of fewer "
            f"than {count(run.config.merge.min_cluster_size, 'image')} joined the nearest"
        )
    if merged.clearest is not None:
        run.reporter.warn(
            f"merge: {run.n_wanted} clusters look wrong: the images fall apart far more clearly "
            f"into {merged.clearest}; try -k {merged.clearest}"
        )


def _reason(merged: MergedHeads) -> str:
    """Why ``auto`` chose as it did, in plain words."""
    if not merged.cut_shares:
        return ""
    shares = ", ".join(f"{name} {share:.2%}" for name, share in merged.cut_shares.items())
    look = "unequal" if merged.look_unequal else "about equal"
    return f": clusters look {look} in size (links cut: {shares})"


def _tell_whether_unequal(run: Run) -> None:
    """Recommends merging where heads without it have split some clusters."""
    assignments = read_assignments(run.folder.file(files.ASSIGNMENTS))
    own = np.flatnonzero(assignments.head_clusters == run.n_wanted)
    if not len(own):
        raise UsageError(
            f"no head has {run.n_wanted} clusters, and merge.linkage is none: choose another "
            "merge.linkage, or train with 1 among train.scales"
        )
    graph = read_nearest(run.folder.file(files.NEIGHBORS), NEAREST)
    if not run.merges and looks_unequal(assignments.labels["train"][own], graph, run.n_wanted):
        run.reporter.say(
            "merge: clusters look unequal in size, or the heads are not trained to the end: some "
            "are linked as closely as the images of one; merging may help: "
            f"ucls train {run.folder.path} --set train.scales=[3] --set merge.linkage=auto"
        )
    else:
        run.reporter.say(f"merge: heads stay as they are, with {run.n_wanted} clusters")
