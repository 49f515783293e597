"""Runs that leave a record each; what fails does not stop the rest."""

import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmarks.records import made_here, read_record, write_record
from benchmarks.runner import EVALUATE, EXTRACT, STAGE_NAMES, run_stages
from benchmarks.trials import Trial, departures, from_folder
from ucls.config import Config
from ucls.errors import MismatchError, UclsError
from ucls.progress import SILENT, Reporter
from ucls.sources import Source


@dataclass(frozen=True)
class Job:
    """One run that is to be made, in ``folder``.

    Its record is known by ``settings`` and by how many ``images`` each split has; ``facts`` finds
    what else it is to hold in the run folder.
    """

    name: str
    config: Config
    settings: Mapping[str, Any]
    images: Mapping[str, int]
    folder: Path
    record: Path
    overrides: Mapping[str, Any] = field(default_factory=dict)
    facts: Callable[[Path], dict[str, Any]] = lambda _: {}

    @property
    def title(self) -> str:
        """What it is about, and its seed."""
        return f"{self.name}, seed {self.config.seed}"


@dataclass(frozen=True)
class Outcome:
    """What became of a job, or of a source; without a trial there are no figures."""

    title: str
    result: Literal["ran", "skipped", "failed"]
    reason: str = ""
    seconds: float = 0.0
    trial: Trial | None = None


def run_jobs(
    jobs: Sequence[Job],
    open_source: Callable[[], Source],
    *,
    stages: Sequence[str] = STAGE_NAMES,
    skip_existing: bool = False,
    overwrite: bool = False,
    cache_dir: Path | None = None,
    reporter: Reporter = SILENT,
) -> Iterator[Outcome]:
    """Runs the jobs of one source, which is opened only if there is anything to extract.

    ``skip_existing`` leaves out what has a record of the same settings and images, and replaces
    what has one of others.
    """
    left = []
    for job in jobs:
        trial, found = _look_up(job) if skip_existing else (None, "")
        if trial is not None:
            yield Outcome(job.title, "skipped", trial=trial)
            continue
        if found:
            reporter.say(f"{job.title}: run again, as its record {found}")
        left.append((job, overwrite or bool(found)))
    source = None
    if left and EXTRACT in stages:
        try:
            source = open_source()
        except Exception as error:  # noqa: BLE001 - whatever it is, other sources go on
            yield _failure(jobs[0].name, error)
            return
    for job, again in left:
        reporter.say(f"{job.title}: {job.folder}")
        started = time.perf_counter()
        places: dict[str, Any] = {"cache_dir": cache_dir, "reporter": reporter}
        try:
            run_stages(source, job.config, job.folder, stages=stages, overwrite=again, **places)
            trial = _keep(job) if EVALUATE in stages else None
        except Exception as error:  # noqa: BLE001 - whatever it is, the other jobs go on
            yield _failure(job.title, error)
            continue
        reason = "" if trial else f"has no record without the stage {EVALUATE}"
        yield Outcome(job.title, "ran", reason, time.perf_counter() - started, trial)


def _look_up(job: Job) -> tuple[Trial | None, str]:
    """The record that makes a job needless, or what is wrong with the one that is there."""
    if not job.record.is_file():
        return None, ""
    try:
        trial = read_record(job.record, Trial)
    except UclsError:
        return None, "cannot be read"
    found = departures(trial, job.settings, job.images)
    return (None, f"differs: {'; '.join(found)}") if found else (trial, "")


def _keep(job: Job) -> Trial:
    origin, found = made_here(), from_folder(job.folder)
    found["versions"] = {**origin["machine"].pop("versions"), **found["versions"]}
    found |= {"settings": dict(job.settings), "overrides": dict(job.overrides)}
    trial = Trial(**origin, **found, **job.facts(job.folder))
    write_record(job.record, trial)
    return trial


def _failure(title: str, error: Exception) -> Outcome:
    """Tells in one line what went wrong; of what nobody foresaw also where."""
    reason = " ".join(str(error).split())
    if isinstance(error, MismatchError):
        reason += " (--out is --runs-dir here)"
    elif not isinstance(error, UclsError):
        traceback.print_exception(error)
        reason = f"{type(error).__name__}: {reason}"
    print(f"{title} failed: {reason}", file=sys.stderr, flush=True)
    return Outcome(title, "failed", reason)
