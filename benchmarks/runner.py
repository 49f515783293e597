"""A run: some or all stages over a source, in a run folder."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ucls.cache import flatten, read_json
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
STAGE_NAMES = (EXTRACT, *STAGES)  # in the order of a run


def run_stages(
    source: Source | None,
    config: Config,
    folder: Path,
    *,
    stages: Sequence[str] = STAGE_NAMES,
    cache_dir: Path | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> tuple[dict[str, Any], dict[str, float]]:
    """Runs some stages; returns what ``metrics.json`` holds, and the seconds of each stage.

    What is done with these settings is skipped. The source is for ``extract``, which starts the
    folder; without one, the stages go on with the folder of an earlier call. ``overwrite`` does
    the stages again, or starts anew.
    """
    changed = None
    if source is None:
        changed = _changed_settings(folder, config)
    else:
        options: dict[str, Any] = {"overwrite": overwrite, "reporter": reporter}
        start(source, out=folder, config=config, cache_dir=cache_dir, **options)
    again = overwrite and source is None
    for stage in stages:
        if stage != EXTRACT:
            STAGES[stage](folder, settings=changed, overwrite=again, reporter=reporter)
            changed = None
    done = read_json(folder / "run.json")["stages"]
    seconds = {name: entry["seconds"] for name, entry in done.items() if "seconds" in entry}
    return read_json(folder / "metrics.json") if EVALUATE in stages else {}, seconds


def _changed_settings(folder: Path, config: Config) -> dict[str, Any] | None:
    """The settings of now that differ from those that a run was started with."""
    if not (folder / "run.json").is_file():
        raise UsageError(
            f"there is no run in {folder} yet: let the stages begin with {EXTRACT}, as in --stages "
            "all, or give the --runs-dir of an earlier call"
        )
    then = flatten(read_json(folder / "run.json")["requested"])
    now = flatten(config.model_dump(mode="json"))
    return {name: value for name, value in now.items() if value != then.get(name)} or None
