"""Stage ``ensemble``: the heads' assignments to a consensus. Works without torch."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ucls.cache import Assignments, ConsensusEntry
from ucls.cache import run_files as files
from ucls.clustering.voting import select_voters
from ucls.ensemble.heads_as_text import canonical_heads
from ucls.ensemble.selection import Selection
from ucls.errors import UnreadableError, UsageError
from ucls.progress import SILENT, Reporter
from ucls.runs.combination import Combination
from ucls.runs.consensus_settings import vary
from ucls.runs.heads import as_trained, find_collapsed, heads_of
from ucls.runs.known import keep_known
from ucls.runs.opening import open_for
from ucls.runs.run import Run
from ucls.settings.config import EnsembleConfig, required


def ensemble(
    path: str | Path,
    *,
    variant: Mapping[str, Any] | None = None,
    split: str | None = None,
    choose: bool = False,
    settings: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> ConsensusEntry:
    """Makes a consensus of the heads, of every split.

    Needs ``assignments.h5`` and, where heads are merged, ``merges.h5`` and ``neighbors.h5``: where
    clusters look equal in size, partitions of that graph vote beside the heads on ``train``. Leaves
    an entry in ``consensus.h5`` beside those already there; the method ``all`` leaves one for each
    method. Without ``variant`` it is the run's own, which self-training uses. What is there already
    is not made again.

    Args:
        path: the run folder.
        variant: names and values of the section ``ensemble``, for this consensus alone.
        split: only this one; the entry keeps what it has of others.
        choose: make this entry the one that self-training uses.
        settings: dotted names to values that replace the run's own from now on.
        overwrite: do it again even if it is done.
        reporter: shown what happens.

    Returns:
        The entry; with the method ``all`` the one with the highest ANMI.

    Raises:
        UsageError: a wrong setting or split, an option that the method does not use, or a choice
            of an entry without ``train``.
        UclsError: if the heads are not trained, or the method cannot combine them.
    """
    run = open_for("ensemble", path, settings=settings, reporter=reporter)
    if overwrite:
        _forget_unreadable(run)
    assignments = heads_of(run)
    config = _wanted(run, assignments, variant or {})
    splits = _splits(run, assignments, split)
    existing = run.consensuses.find(config)
    if choose and "train" not in {*splits, *(existing.labels if existing else ())}:
        raise UsageError(
            f"self-training needs a consensus of train, and this one is of {split} alone: "
            "choose it without --split, or with --split train"
        )
    is_own = config == run.config.ensemble and split is None
    with _choice_told(run):
        if is_own and not (choose and run.freshness.is_done("ensemble")):
            with run.freshness.work("ensemble", overwrite=overwrite, tells_stale=False) as todo:
                if existing is not None and not todo:
                    return existing
                return _make(
                    run, assignments, config, splits=splits, choose=True, overwrite=overwrite
                )
        with run.folder.lock():
            return _make(
                run, assignments, config, splits=splits, choose=choose, overwrite=overwrite
            )


@contextmanager
def _choice_told(run: Run) -> Iterator[None]:
    """Says afterwards if self-training is to use another consensus than before, or has none."""
    before = run.consensuses.chosen() if run.consensuses.chosen_name() else None
    yield
    name = run.consensuses.chosen_name()
    path = run.folder.path
    if name is None:
        run.reporter.say(f"ensemble: none is chosen for self-training; run: ucls ensemble {path}")
    elif before is not None and run.consensuses.chosen().key != before.key:
        run.reporter.say(
            f"ensemble: {name} is chosen now, no longer {before.name}; labels.csv is still that of "
            f"before; run: ucls self-train {path}"
        )


def _wanted(run: Run, assignments: Assignments, variant: Mapping[str, Any]) -> EnsembleConfig:
    """The run's own settings with those of the variant; the same heads are written alike."""
    own = run.config.ensemble
    varied = vary(run.config, variant)
    if varied.heads == own.heads:
        return varied
    heads = canonical_heads(required(varied.heads), len(assignments.loss))
    varied = varied.model_copy(update={"heads": heads})
    own_heads = _select(run, assignments, own).heads
    is_own = _select(run, assignments, varied).heads == own_heads
    return varied.model_copy(update={"heads": own.heads}) if is_own else varied


def _splits(run: Run, assignments: Assignments, split: str | None) -> list[str]:
    """The splits to work on, which must have as many images as there are clusters."""
    if split is not None and split not in assignments.labels:
        raise UsageError(
            f"{run.folder.path} has no split {split!r}: "
            f"choose one of {', '.join(sorted(assignments.labels))}"
        )
    asked = [name for name in run.splits if split in (None, name)]
    large = [name for name in asked if assignments.labels[name].shape[1] >= run.n_clusters]
    small = sorted(set(asked) - set(large))
    if not large:
        raise UsageError(
            f"{' and '.join(small)} has fewer images than the {run.n_clusters} clusters: "
            "choose another split"
        )
    for name in small:
        run.reporter.say(
            f"ensemble: {name} is left out, it has fewer images than the {run.n_clusters} clusters"
        )
    return large


def _select(run: Run, assignments: Assignments, config: EnsembleConfig) -> Selection:
    """The heads of a consensus."""
    return select_voters(
        assignments,
        config,
        trained=as_trained(run),
        collapsed=find_collapsed(run),
        reporter=run.reporter,
    )


def _make(
    run: Run,
    assignments: Assignments,
    config: EnsembleConfig,
    *,
    splits: Sequence[str],
    choose: bool,
    overwrite: bool,
) -> ConsensusEntry:
    """Makes what is missing, and writes it beside what is there."""
    existing = run.consensuses.find(config)
    if existing is not None and not overwrite and set(splits) <= set(existing.labels):
        kept = replace(existing, name=run.consensuses.name_of(existing))
        run.reporter.say(f"ensemble: {kept.name} is there with these settings, not made again")
        if choose:
            run.consensuses.add([kept], chosen_key=kept.key)
        return kept
    keep_known(run)
    selection = _select(run, assignments, config)
    for note in selection.notes:
        run.reporter.say(f"ensemble: {note}")
    combination = Combination(
        run,
        assignments,
        selection.heads,
        config,
        existing={entry.key: entry for entry in run.consensuses.entries().values()},
        overwrite=overwrite,
    )
    made = combination.make(splits)
    key = run.consensuses.key(config)
    kept = next(entry for entry in made if key in (entry.key, *entry.best_of))
    run.consensuses.add(made, chosen_key=kept.key if choose else None)
    return kept


def _forget_unreadable(run: Run) -> None:
    """Removes consensuses that nothing can be added to."""
    try:
        run.consensuses.entries()
    except UnreadableError:
        raise
    except UsageError:
        run.folder.file(files.CONSENSUS).unlink()
