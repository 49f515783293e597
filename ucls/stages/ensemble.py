"""Stage ``ensemble``: the heads' assignments to a consensus. Works without torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls.cache import (
    Assignments,
    ConsensusEntry,
    read_assignments,
    read_consensus,
    write_consensus,
)
from ucls.config import EnsembleConfig, required
from ucls.ensemble import Consensus, consensus
from ucls.ensemble.heads import format_heads, parse_heads
from ucls.progress import SILENT, Advance, Reporter
from ucls.stages.run import Run


def ensemble(
    path: str | Path,
    *,
    method: str | None = None,
    heads: str | None = None,
    choose: bool = False,
    settings: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> ConsensusEntry:
    """Makes a consensus of the heads, for every split.

    Needs ``assignments.h5``; leaves an entry in ``consensus.h5`` beside those already there.
    Without ``method`` and ``heads`` it is the run's own, which self-training uses.

    Args:
        path: the run folder.
        method: ``mcla`` or ``vote``; None takes the run's setting.
        heads: ``all``, ``best``, or numbers and ranges such as ``0-4,7``; None takes the run's
            setting.
        choose: make this entry the one that self-training uses.
        settings: dotted names to values that replace the run's own from now on.
        overwrite: do it again even if it is done.
        reporter: shown what happens.

    Returns:
        The entry.
    """
    run = Run(path, settings=settings, reporter=reporter)
    run.require("train")
    own = run.config.ensemble
    assignments = read_assignments(run.folder.file("assignments.h5"))
    wanted = _wanted(run, assignments.loss, method=method, heads=heads)
    if wanted == own and not choose:
        with run.stage("ensemble", overwrite=overwrite) as todo:
            return _make(run, assignments, wanted) if todo else _find(run, wanted)
    with run.folder.lock():
        return _make(run, assignments, wanted, chosen=choose)


def select_heads(text: str, loss: NDArray[np.float32]) -> tuple[int, ...]:
    """Turns ``all``, ``best`` or numbers into heads; ``best`` is the half of lowest loss."""
    if text == "best":
        n_best = (len(loss) + 1) // 2
        return tuple(sorted(np.argsort(loss, kind="stable")[:n_best].tolist()))
    return parse_heads(text, len(loss))


def _wanted(
    run: Run, loss: NDArray[np.float32], *, method: str | None, heads: str | None
) -> EnsembleConfig:
    """The run's own settings with those given; the same heads are always written alike."""
    own = run.config.ensemble
    own_heads = required(own.heads)
    values = {"ensemble.method": method or own.method}
    if heads is not None:
        selected = select_heads(heads, loss)
        is_own = selected == select_heads(own_heads, loss)
        values["ensemble.heads"] = own_heads if is_own else format_heads(selected, len(loss))
    return run.config.with_values(values).ensemble


def _find(run: Run, config: EnsembleConfig) -> ConsensusEntry:
    entries, _ = read_consensus(run.folder.file("consensus.h5"))
    key = run.consensus_key(config)
    return next(entry for entry in entries.values() if entry.key == key)


def _make(
    run: Run, assignments: Assignments, config: EnsembleConfig, *, chosen: bool = True
) -> ConsensusEntry:
    heads = select_heads(required(config.heads), assignments.loss)
    suffix = "" if config.heads == run.config.ensemble.heads else f"[{config.heads}]"
    matrices = {
        split: labels[list(heads)]
        for split, labels in assignments.labels.items()
        if labels.shape[1] >= run.n_clusters
    }
    n_pairs = len(matrices) * len(heads) * (len(heads) - 1) // 2
    with run.reporter.track("ensemble", n_pairs, "pairs of heads") as advance:
        found = {
            split: _consensus(run, config, labels, advance) for split, labels in matrices.items()
        }
    for split, result in found.items():
        for note in result.notes:
            run.reporter.say(f"ensemble ({split}): {note}")
    entry = ConsensusEntry(
        name=f"{config.method}{suffix}",
        method=config.method,
        heads=heads,
        labels={split: result.labels for split, result in found.items()},
        confidence={s: result.confidence.astype(np.float16) for s, result in found.items()},
        anmi={split: result.anmi for split, result in found.items()},
        seconds=sum(result.seconds for result in found.values()),
        key=run.consensus_key(config),
    )
    path = run.folder.file("consensus.h5")
    if not run.consensuses():
        path.unlink(missing_ok=True)  # all of them are of heads that were trained anew
    write_consensus(path, entry, chosen=chosen)
    run.reporter.say(
        f"ensemble: {entry.name} of {len(heads)} heads in {entry.seconds:.2f} s, "
        f"ANMI {entry.anmi['train']:.3f}"
    )
    return entry


def _consensus(
    run: Run, config: EnsembleConfig, labels: NDArray[np.int32], advance: Advance
) -> Consensus:
    return consensus(
        labels,
        run.n_clusters,
        method=config.method,
        seed=run.config.seed,
        min_jaccard=config.min_jaccard,
        revote=config.revote,
        advance=advance,
    )
