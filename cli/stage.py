"""The command of a stage that is like others: from a run folder to the file that it leaves."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ucls.cli import options as opt
from ucls.cli.verbosity import chosen_reporter
from ucls.runs.catalog import Stage, stage_after

OPTIONS = {
    "device": opt.Device,
    "seed": opt.Seed,
    "neighbors.prepare": opt.Prepare,
    "train.objective": opt.Objective,
}


def stage_command(stage: Stage) -> Callable[..., None]:
    """Makes the command of a stage, with the options that its settings have."""
    names = {setting.rpartition(".")[2]: setting for setting in stage.options}

    def command(
        run: opt.RunPath,
        *,
        config: opt.ConfigFile = None,
        settings: opt.Settings = None,
        overwrite: opt.Overwrite = False,
        **given: Any,
    ) -> None:
        from ucls.runs.heads import warn_of_collapse
        from ucls.settings.given import gather

        options = {names[name].replace(".", "__"): value for name, value in given.items()}
        values = gather(config=config, settings=settings, **options)
        reporter = chosen_reporter()
        print(stage(run, settings=values, overwrite=overwrite, reporter=reporter))
        tell_next(stage, run)
        warn_of_collapse(run, reporter)

    first, *others, _ = inspect.signature(command).parameters.values()
    own = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=OPTIONS[setting]
        )
        for name, setting in names.items()
    ]
    vars(command)["__signature__"] = inspect.Signature([first, *own, *others])
    command.__doc__ = stage.help
    return command


def tell_next(stage: Stage, run: Path) -> None:
    """Says which command comes next in a run."""
    following = stage_after(stage.name)
    if following is not None:
        print(f"next: ucls {following.name} {run}")
