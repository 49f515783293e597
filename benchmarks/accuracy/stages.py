"""Some or all stages of a run, in a run folder of the benchmark."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.accuracy.benchmark import split_names
from ucls.cache import RunFolder, flatten
from ucls.errors import UsageError
from ucls.pipeline import start
from ucls.progress import Reporter
from ucls.settings.config import Config
from ucls.sources import Source
from ucls.stages.ensemble import ensemble
from ucls.stages.evaluate import evaluate
from ucls.stages.merge import merge
from ucls.stages.neighbors import neighbors
from ucls.stages.self_train import self_train
from ucls.stages.train import train

EXTRACT = "extract"
EVALUATE = "evaluate"
AFTER_EXTRACTION: Mapping[str, Callable[..., Any]] = {
    "neighbors": neighbors,
    "train": train,
    "merge": merge,
    "ensemble": ensemble,
    "self-train": self_train,
    EVALUATE: evaluate,
}
STAGES = (EXTRACT, *AFTER_EXTRACTION)
"""In the order of the pipeline."""


@dataclass(frozen=True)
class Extraction:
    """What the first stage needs.

    Attributes:
        source: the dataset.
        cache_dir: of the feature caches; None for the default.
    """

    source: Source
    cache_dir: Path | None


def parse_stages(text: str) -> tuple[str, ...]:
    """Reads a list of stages into the order of the pipeline.

    Args:
        text: names with commas between them, or ``all``.

    Raises:
        UsageError: if one is not known.
    """
    asked = split_names(text, {"all": STAGES})
    if unknown := [name for name in asked if name not in STAGES]:
        raise UsageError(
            f"there is no stage {unknown[0]!r}; choose some of {', '.join(STAGES)}, or all"
        )
    return tuple(stage for stage in STAGES if stage in asked)


def run_stages(
    path: Path,
    config: Config,
    stages: Sequence[str],
    *,
    extraction: Extraction | None,
    overwrite: bool,
    reporter: Reporter,
) -> None:
    """Runs some stages; what is done with these settings is skipped.

    Args:
        path: the run folder.
        config: what is asked for.
        stages: in the order of the pipeline.
        extraction: for the stage ``extract``, which also starts the folder; None without it, then
            an earlier call has made the folder, and later stages take the settings of now.
        overwrite: do these stages again even if they are done; with ``extract``, replace the run.
        reporter: shown what happens.

    Raises:
        MismatchError: if the folder holds a run with other settings.
        UsageError: if there is no run, or the settings of now would change an earlier stage.
        UclsError: if a stage fails.
    """
    changed: dict[str, Any] = {}
    if extraction is None:
        changed = settings_to_change(_begun(path).record["requested"], config)
    else:
        start(
            extraction.source,
            out=path,
            config=config,
            cache_dir=extraction.cache_dir,
            overwrite=overwrite,
            reporter=reporter,
        )
    for stage in stages:
        if stage != EXTRACT:
            run_stage = AFTER_EXTRACTION[stage]
            run_stage(path, settings=changed or None, overwrite=overwrite, reporter=reporter)
            changed = {}


def _begun(path: Path) -> RunFolder:
    """The run folder that an earlier call has made."""
    if not (path / "run.json").is_file():
        raise UsageError(
            f"there is no run in {path} yet: let the stages begin with {EXTRACT}, as in --stages "
            "all, or give the --runs-dir of an earlier call"
        )
    return RunFolder(path)


def settings_to_change(requested: Mapping[str, Any], config: Config) -> dict[str, Any]:
    """The settings of now that differ from those that a run was started with.

    Args:
        requested: nested, as ``run.json`` holds it.
        config: what is asked for now.
    """
    then = flatten(requested)
    now = flatten(config.model_dump(mode="json"))
    return {name: value for name, value in now.items() if value != then.get(name)}
