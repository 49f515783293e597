"""A run: some or all stages over a source, in a run folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ucls.cache import flatten, read_json
from ucls.config import Config
from ucls.errors import UsageError
from ucls.pipeline import start
from ucls.progress import SILENT, Reporter
from ucls.runs.catalog import EXTRACT as FIRST
from ucls.runs.catalog import later_stages, stage_names
from ucls.sources import Source

EXTRACT, EVALUATE = FIRST.name, "evaluate"
STAGES = {stage.name: stage for stage in later_stages()}
STAGE_NAMES = stage_names()


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
