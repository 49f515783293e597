"""Runs that leave a record each; what fails does not stop the rest."""

import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from benchmarks.records import made_here, read_record, write_record
from benchmarks.runner import EVALUATE, EXTRACT, run_stages
from benchmarks.trials import Trial, changed_settings, from_folder, missing_images, show_setting
from ucls.cache import read_json
from ucls.config import Config
from ucls.errors import MismatchError, UclsError
from ucls.progress import SILENT, Reporter
from ucls.sources import Source

Result = Literal["ran", "skipped", "failed"]


@dataclass(frozen=True)
class Job:
    """One run that is to be made.

    Attributes:
        dataset: name of its source.
        config: its settings.
        settings: those that were asked for, by which its record is known; by dotted name.
        images: how many each split has to have.
        folder: of the run.
        record: the file of its record.
        overrides: settings that the user put over the others.
        row: of the ablation that it belongs to; empty for none.
        content: digest of the images, where their number does not tell them apart.
        facts: what else its record is to hold, found in the run folder.
        overwrite: start anew instead of continuing what is in the folder.
    """

    dataset: str
    config: Config
    settings: Mapping[str, Any]
    images: Mapping[str, int]
    folder: Path
    record: Path
    overrides: Mapping[str, Any] = field(default_factory=dict)
    row: str = ""
    content: str = ""
    facts: Callable[[Path], dict[str, Any]] | None = None
    overwrite: bool = False

    @property
    def title(self) -> str:
        """What it is about, and its seed."""
        return f"{self.row or self.dataset}, seed {self.config.seed}"

    def departures(self, trial: Trial) -> list[str]:
        """Tells how a record differs from what this job would leave."""
        settings = [
            f"{name} is {show_setting(trial.settings, name)} there, "
            f"{show_setting(self.settings, name)} here"
            for name in changed_settings(trial.settings, self.settings)
        ]
        content = [] if trial.content == self.content else ["its images are others"]
        return missing_images(trial, self.images) + content + settings


@dataclass(frozen=True)
class Outcome:
    """What became of a job, or of a source.

    Attributes:
        title: which one.
        result: ``ran``, ``skipped`` or ``failed``.
        job: None if the source itself failed, with all jobs that were left.
        seconds: wall time of this call.
        reason: why it failed, or what is missing.
        trial: the record; None where it failed, or no stage that was asked for leaves figures.
        traceback: as text, since an error itself would keep all arrays alive.
    """

    title: str
    result: Result
    job: Job | None = None
    seconds: float = 0.0
    reason: str = ""
    trial: Trial | None = None
    traceback: str = ""

    def tell(self, *, show_traceback: bool) -> None:
        """Prints a line on what stopped it, if anything did, to stderr."""
        if self.result == "failed":
            if show_traceback:
                print(self.traceback, file=sys.stderr)
            print(f"{self.title} failed: {self.reason}", file=sys.stderr, flush=True)


def run_jobs(
    jobs: Iterable[Job],
    open_source: Callable[[], Source],
    *,
    stages: Sequence[str],
    skip_existing: bool = False,
    cache_dir: Path | None = None,
    reporter: Reporter = SILENT,
) -> Iterator[Outcome]:
    """Runs the jobs of one source in turn.

    Args:
        jobs: all of the same source.
        open_source: called only if there is anything to extract.
        stages: in the order of a run.
        skip_existing: leave out what has a record of the same settings and images, and replace
            what has one of others.
        cache_dir: of the feature caches; None for the default.
        reporter: shown what happens.

    Yields:
        What became of each, as soon as that is known.
    """
    left = []
    for job in jobs:
        trial, differences = _look_up(job) if skip_existing else (None, "")
        if trial is not None:
            yield Outcome(job.title, "skipped", job, trial=trial)
            continue
        if differences:
            reporter.say(f"{job.title}: run again, as its record {differences}")
        left.append(replace(job, overwrite=job.overwrite or bool(differences)))
    if not left:
        return
    try:
        source = open_source() if EXTRACT in stages else None
    except Exception as error:  # noqa: BLE001 - whatever it is, other sources go on
        yield _failure(left[0].dataset, None, error)
        return
    for job in left:
        outcome = _run(job, source, stages, cache_dir, reporter)
        yield outcome
        if outcome.job is None:
            return


def _look_up(job: Job) -> tuple[Trial | None, str]:
    """The record that makes a job needless, or what is wrong with the one that is there."""
    if not job.record.is_file():
        return None, ""
    try:
        trial = read_record(job.record, Trial)
    except UclsError:
        return None, "cannot be read"
    differences = job.departures(trial)
    return (None, f"differs: {'; '.join(differences)}") if differences else (trial, "")


def _run(
    job: Job, source: Source | None, stages: Sequence[str], cache_dir: Path | None, told: Reporter
) -> Outcome:
    started = time.perf_counter()
    told.say(f"{job.title}: {job.folder}")
    options: dict[str, Any] = {"cache_dir": cache_dir, "overwrite": job.overwrite}
    try:
        run_stages(source, job.config, job.folder, stages=stages, reporter=told, **options)
        trial = _keep(job) if EVALUATE in stages else None
    except Exception as error:  # noqa: BLE001 - whatever it is, the other jobs go on
        # An extraction that fails would fail with every seed.
        return _failure(job.title, None if _extraction_failed(job.folder) else job, error)
    reason = "" if trial else f"has no record without the stage {EVALUATE}"
    return Outcome(job.title, "ran", job, time.perf_counter() - started, reason, trial)


def _keep(job: Job) -> Trial:
    origin, found = made_here(), from_folder(job.folder)
    found["versions"] = {**origin["machine"].pop("versions"), **found["versions"]}
    trial = Trial(
        **origin,
        **found,
        **(job.facts(job.folder) if job.facts else {}),
        objective=found["resolved"]["train.objective"],
        settings=dict(job.settings),
        overrides=dict(job.overrides),
        row=job.row,
        content=job.content,
    )
    write_record(job.record, trial)
    return trial


def _extraction_failed(folder: Path) -> bool:
    path = folder / "run.json"
    stages = read_json(path).get("stages", {}) if path.is_file() else {}
    return bool(stages.get(EXTRACT, {}).get("status") == "failed")


def _failure(title: str, job: Job | None, error: Exception) -> Outcome:
    """What went wrong, in one line."""
    reason = " ".join(str(error).split())
    if isinstance(error, MismatchError):
        reason += " (--out is --runs-dir here)"
    elif not isinstance(error, UclsError):
        reason = f"{type(error).__name__}: {reason}"
    trace = "".join(traceback.format_exception(error))
    return Outcome(title, "failed", job, reason=reason, traceback=trace)
