"""Benchmarks over datasets and seeds; what fails does not stop the rest."""

import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.accuracy.benchmark import Benchmark, Settings, make_config
from benchmarks.accuracy.plan import Outcome, Plan
from benchmarks.accuracy.records import (
    Record,
    changed_settings,
    make_record,
    missing_images,
    read_record,
    record_path,
    show_setting,
    write_record,
)
from benchmarks.accuracy.sources import open_source
from benchmarks.accuracy.stages import EVALUATE, EXTRACT, Extraction, run_stages
from ucls.cache import read_json
from ucls.errors import MismatchError, UclsError
from ucls.progress import SILENT, Reporter


@dataclass(frozen=True)
class _Job:
    """One run that is to be made."""

    dataset: str
    seed: int
    settings: Settings
    folder: Path
    overwrite: bool


def run_plan(plan: Plan, *, reporter: Reporter = SILENT) -> Iterator[Outcome]:
    """Runs every dataset and seed in turn.

    Args:
        plan: what is to be run.
        reporter: shown what happens.

    Yields:
        What became of each, as soon as that is known.

    Raises:
        UsageError: before anything runs, if a setting is wrong.
    """
    plan.check()
    for benchmark in plan.benchmarks:
        yield from _run_benchmark(plan, benchmark, reporter)


def _run_benchmark(plan: Plan, benchmark: Benchmark, reporter: Reporter) -> Iterator[Outcome]:
    jobs = []
    for seed in plan.seeds:
        record, changes = _look_up(plan, benchmark, seed) if plan.skip_existing else (None, "")
        if record is not None:
            yield Outcome(benchmark.name, seed, "skipped", record=record)
            continue
        if changes:
            reporter.say(f"{benchmark.name}, seed {seed}: run again, as its record {changes}")
        jobs.append(_job(plan, benchmark, seed, overwrite=plan.overwrite or bool(changes)))
    if not jobs:
        return
    try:
        extraction = _open(plan, benchmark.name) if EXTRACT in plan.stages else None
    except Exception as error:  # noqa: BLE001 - whatever it is, the other datasets go on
        yield _failure(benchmark.name, None, error)
        return
    for job in jobs:
        outcome = _run(plan, job, extraction, reporter)
        yield outcome
        if outcome.seed is None:
            return


def _look_up(plan: Plan, benchmark: Benchmark, seed: int) -> tuple[Record | None, str]:
    """The record that makes a run needless, or what is wrong with the one that is there."""
    path = record_path(plan.results_dir, benchmark.name, plan.objective, seed)
    if not path.is_file():
        return None, ""
    try:
        record = read_record(path)
    except UclsError:
        return None, "cannot be read"
    asked = plan.settings(benchmark)
    changes = missing_images(record) + [
        f"{name} is {show_setting(record.settings, name)} there, {show_setting(asked, name)} here"
        for name in changed_settings(record.settings, asked)
    ]
    return (None, f"differs: {'; '.join(changes)}") if changes else (record, "")


def _job(plan: Plan, benchmark: Benchmark, seed: int, *, overwrite: bool) -> _Job:
    folder = plan.runs_dir / benchmark.name / f"{plan.objective}-seed{seed}"
    return _Job(benchmark.name, seed, plan.settings(benchmark), folder, overwrite)


def _open(plan: Plan, name: str) -> Extraction:
    source = open_source(
        name, data_dir=plan.data_dir, subset_dir=plan.subset_dir, download=plan.download
    )
    return Extraction(source, plan.cache_dir)


def _run(plan: Plan, job: _Job, extraction: Extraction | None, reporter: Reporter) -> Outcome:
    """Runs a job; an extraction that fails would fail with every seed, so then none is named."""
    started = time.perf_counter()
    reporter.say(f"{job.dataset}, seed {job.seed}: {job.folder}")
    try:
        run_stages(
            job.folder,
            make_config(job.settings, seed=job.seed, device=plan.device),
            plan.stages,
            extraction=extraction,
            overwrite=job.overwrite,
            reporter=reporter,
        )
        record = _keep(plan, job) if EVALUATE in plan.stages else None
    except Exception as error:  # noqa: BLE001 - whatever it is, the other runs go on
        return _failure(job.dataset, None if _extraction_failed(job.folder) else job.seed, error)
    return Outcome(
        job.dataset,
        job.seed,
        "ran",
        seconds=time.perf_counter() - started,
        reason="" if record else f"has no record without the stage {EVALUATE}",
        record=record,
    )


def _keep(plan: Plan, job: _Job) -> Record:
    record = make_record(
        job.folder, objective=plan.objective, settings=job.settings, overrides=plan.overrides
    )
    write_record(plan.results_dir, record)
    return record


def _extraction_failed(folder: Path) -> bool:
    path = folder / "run.json"
    if not path.is_file():
        return False
    stages = read_json(path).get("stages", {})
    return bool(stages.get(EXTRACT, {}).get("status") == "failed")


def _failure(dataset: str, seed: int | None, error: Exception) -> Outcome:
    """What went wrong, in one line."""
    reason = " ".join(str(error).split())
    if isinstance(error, MismatchError):
        reason += " (--out is --runs-dir here)"
    elif not isinstance(error, UclsError):
        reason = f"{type(error).__name__}: {reason}"
    trace = "".join(traceback.format_exception(error))
    return Outcome(dataset, seed, "failed", reason=reason, traceback=trace)
