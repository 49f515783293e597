"""Opening a run to do a stage, with other settings where these are given."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from textwrap import fill
from typing import Any

from ucls.cache import flatten
from ucls.errors import UsageError
from ucls.progress import SILENT, Reporter
from ucls.runs.catalog import EXTRACT, find_stage, stages_until
from ucls.runs.resolve import refuse_late_settings
from ucls.runs.run import Run
from ucls.settings.config import Config
from ucls.settings.objectives import RECORDS, objective_names, unused_settings

SETTINGS_WIDTH = 100
"""Columns of the block that shows them."""
KEPT = "\0"
"""Stands for a space that no line is broken at, so that a name stays with its value."""


def open_run(
    path: str | Path,
    *,
    after: str = EXTRACT.name,
    settings: Mapping[str, Any] | None = None,
    reporter: Reporter = SILENT,
) -> Run:
    """Opens a run whose stages up to one are done.

    Args:
        path: the run folder.
        after: the stage that must be done.
        settings: dotted names to values that replace the run's own settings from now on.
        reporter: shown what happens.

    Raises:
        UsageError: if there is no run, its features are not extracted yet, or a setting would
            change what is done already.
        UclsError: if the stage before is not done.
    """
    run = Run(path, reporter=reporter)
    if settings:
        _change_settings(run, settings, after=after)
    run.freshness.require(after)
    return run


def open_for(
    stage: str,
    path: str | Path,
    *,
    settings: Mapping[str, Any] | None = None,
    reporter: Reporter = SILENT,
) -> Run:
    """Opens a run to do a stage; the arguments and errors are those of :func:`open_run`."""
    after = find_stage(stage).after or EXTRACT.name
    return open_run(path, after=after, settings=settings, reporter=reporter)


class StageFunction:
    """A stage as a function of its run folder.

    Args:
        name: of the stage.
        work: what it does in an open run.
    """

    def __init__(self, name: str, work: Callable[[Run], None]) -> None:
        self._stage, self._work = find_stage(name), work
        self.__doc__ = work.__doc__

    def __call__(
        self,
        path: str | Path,
        *,
        settings: Mapping[str, Any] | None = None,
        overwrite: bool = False,
        reporter: Reporter = SILENT,
    ) -> Path:
        """Does the stage, unless it is done.

        Args:
            path: the run folder.
            settings: dotted names to values that replace the run's own from now on.
            overwrite: do it again even if it is done.
            reporter: shown what happens.

        Returns:
            The path of the last of its files.
        """
        run = open_for(self._stage.name, path, settings=settings, reporter=reporter)
        with run.freshness.work(self._stage.name, overwrite=overwrite) as todo:
            if todo and overwrite:
                for pattern in self._stage.unfinished:
                    for left in run.folder.path.glob(pattern):
                        left.unlink()
            if todo:
                self._work(run)
        return run.folder.file(self._stage.files[-1])


def as_stage(name: str) -> Callable[[Callable[[Run], None]], StageFunction]:
    """Makes a stage of its work on an open run."""
    return partial(StageFunction, name)


def _change_settings(run: Run, settings: Mapping[str, Any], *, after: str) -> None:
    """Replaces settings, unless what is done already would have to be done again."""
    refuse_late_settings(settings)
    dropped = without_a_part(run.requested, settings)
    done = [stage.name for stage in stages_until(after) if run.freshness.is_done(stage.name)]
    run.ask_for(run.requested.with_values({**dict.fromkeys(dropped), **settings}))
    redone = [stage for stage in done if not run.freshness.is_done(stage)]
    if redone:
        path = run.folder.path
        raise UsageError(
            f"{', '.join(settings)} would change the stage {redone[0]}, which is done; nothing "
            f"was changed: to do it again, give this to ucls {redone[0]} {path}"
        )
    run.freshness.require(after)
    if dropped:
        run.reporter.say(f"settings without a part from now on: {', '.join(dropped)}")
    with run.folder.lock():
        run.write_settings()


def fitted_settings(run: Run) -> str:
    """The settings that were left open, with what was chosen for them: a line for each section."""
    open_settings = flatten(run.folder.record["requested"])
    chosen = flatten(run.config.model_dump(mode="json"))
    constants = RECORDS[run.config.train.objective].options
    sections: dict[str, list[str]] = {}
    for name, value in chosen.items():
        is_constant = constants.get(name.removeprefix("train.")) is not None
        if open_settings.get(name) is None and value is not None and not is_constant:
            section, _, field = name.rpartition(".")
            told = f"{field} {_as_text(value)}".replace(" ", KEPT)
            sections.setdefault(section or "run", []).append(told)
    width = max(map(len, sections), default=0) + 4
    return "\n".join(
        fill(
            ", ".join(settings),
            SETTINGS_WIDTH,
            initial_indent=f"  {section:<{width - 2}}",
            subsequent_indent=" " * width,
            break_on_hyphens=False,
        ).replace(KEPT, " ")
        for section, settings in sections.items()
    )


def _as_text(value: object) -> str:
    """A setting as it is read at a glance."""
    if isinstance(value, list):
        return " ".join(map(_as_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def without_a_part(requested: Config, settings: Mapping[str, Any]) -> list[str]:
    """Earlier settings that have no part any more once others change.

    Args:
        requested: what was asked for so far.
        settings: dotted names to values that replace some of it.

    Returns:
        Dotted names: what another objective does not heed, what another prior does not, and a time
        limit where the effort is given.
    """
    wanted = settings.get("train.objective", requested.train.objective)
    objective = wanted if wanted in objective_names() else requested.train.objective
    names = list(unused_settings(objective, requested.train.model_dump()))
    asked = settings.get("train.prior", requested.train.prior)
    prior = asked or RECORDS[objective].options.get("prior")
    if requested.train.prior_strength is not None and prior != "soft":
        names.append("prior_strength")
    if requested.train.marginal_momentum is not None and prior == "soft":
        names.append("marginal_momentum")
    if requested.train.sinkhorn_iterations is not None and prior == "none":
        names.append("sinkhorn_iterations")
    unused = [f"train.{name}" for name in dict.fromkeys(names) if f"train.{name}" not in settings]
    is_spent = requested.time_limit is not None and "effort" in settings
    return [*unused, "time_limit"] if is_spent else unused
