"""A run: some or all stages over a source, in a run folder."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ucls.cache import RunFolder, flatten, read_json
from ucls.config import Config
from ucls.errors import UsageError
from ucls.pipeline import start
from ucls.progress import SILENT, Reporter
from ucls.sources import Source
from ucls.stages.ensemble import ensemble
from ucls.stages.evaluate import evaluate
from ucls.stages.merge import merge
from ucls.stages.neighbors import neighbors
from ucls.stages.self_train import self_train
from ucls.stages.train import train

EXTRACT, EVALUATE = "extract", "evaluate"
STAGES: Mapping[str, Callable[..., Any]] = {
    "neighbors": neighbors,
    "train": train,
    "merge": merge,
    "ensemble": ensemble,
    "self-train": self_train,
    EVALUATE: evaluate,
}
STAGE_NAMES = (EXTRACT, *STAGES)
"""In the order of a run."""

Hook = Callable[[Path], None]
"""Is given the run folder."""


class Measured(NamedTuple):
    """What a run has come to."""

    figures: dict[str, Any] | None
    """What ``metrics.json`` holds; None if ``evaluate`` was not asked for."""
    seconds: dict[str, float]
    """Wall time of each stage that is done, those of earlier calls too."""


def run_stages(
    source: Source | None,
    config: Config,
    folder: Path,
    *,
    stages: Sequence[str] = STAGE_NAMES,
    before: Mapping[str, Hook] | None = None,
    cache_dir: Path | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Measured:
    """Runs some stages; what is done with these settings is skipped.

    Args:
        source: for ``extract``, which starts the folder; None to go on with that of an earlier
            call, with the settings of now.
        config: the settings.
        folder: of the run.
        stages: in the order of a run.
        before: what to do before a stage.
        cache_dir: of the feature caches; None for the default.
        overwrite: do these stages again even if they are done; with ``extract``, start anew.
        reporter: shown what happens.

    Raises:
        MismatchError: if the folder holds a run with other settings.
        UsageError: if there is no run, or the settings of now would change an earlier stage.
        UclsError: if a stage fails.
    """
    changed = None
    if source is None:
        changed = changed_settings(_begun(folder).record["requested"], config) or None
    else:
        begin = partial(start, source, out=folder, config=config, cache_dir=cache_dir)
        begin(overwrite=overwrite, reporter=reporter)
    for stage in stages:
        if before and stage in before:
            before[stage](folder)
        if stage != EXTRACT:
            again = overwrite and source is None
            STAGES[stage](folder, settings=changed, overwrite=again, reporter=reporter)
            changed = None
    done = read_json(folder / "run.json")["stages"]
    return Measured(
        figures=read_json(folder / "metrics.json") if EVALUATE in stages else None,
        seconds={name: entry["seconds"] for name, entry in done.items() if "seconds" in entry},
    )


def changed_settings(requested: Mapping[str, Any], config: Config) -> dict[str, Any]:
    """The settings of now that differ from those that a run was started with, by dotted name."""
    then, now = flatten(requested), flatten(config.model_dump(mode="json"))
    return {name: value for name, value in now.items() if value != then.get(name)}


def _begun(folder: Path) -> RunFolder:
    if not (folder / "run.json").is_file():
        raise UsageError(
            f"there is no run in {folder} yet: let the stages begin with {EXTRACT}, as in --stages "
            "all, or give the --runs-dir of an earlier call"
        )
    return RunFolder(folder)
