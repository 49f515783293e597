"""``python -m benchmarks run``: datasets and seeds, with the thesis's settings."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks import options as opt

if TYPE_CHECKING:
    from benchmarks.jobs import Outcome

Datasets = Annotated[str, typer.Option(metavar="NAME,...", help="'all': the thesis's ten.")]
Stages = Annotated[
    str, typer.Option(metavar="NAME,...", help="Some, on the run folders of an earlier call.")
]
Objective = Annotated[str, typer.Option(help="What is trained: ucls, temi, scan, ...")]
SubsetDir = Annotated[Path | None, typer.Option(help="Holds imagenet_50.txt, ..., of SCAN.")]
ResultsDir = Annotated[Path, typer.Option(help="Where the records go.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Do the stages again, from scratch.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Show results and errors only.")]


def command(
    *,
    datasets: Datasets = "all",
    seeds: opt.Seeds = 5,
    first_seed: opt.FirstSeed = 0,
    stages: Stages = "all",
    objective: Objective = "ucls",
    settings: opt.Settings = None,
    data_dir: opt.DataDir = None,
    subset_dir: SubsetDir = None,
    cache_dir: opt.CacheDir = None,
    runs_dir: opt.RunsDir = Path("runs/benchmarks"),
    results_dir: ResultsDir = opt.RESULTS,
    device: opt.Device = "auto",
    download: opt.Download = False,
    skip_existing: opt.SkipExisting = False,
    overwrite: Overwrite = False,
    verbose: opt.Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Run datasets with the thesis's settings and several seeds, a JSON record for each.

    Run again, it continues where it was stopped. What fails is told, and the rest goes on.

    Example: python -m benchmarks run --datasets cifar10,stl10 --seeds 5
    """
    from functools import partial

    from benchmarks.accuracy.datasets import check_overrides, load_benchmarks
    from benchmarks.accuracy.sources import open_source
    from benchmarks.jobs import run_jobs
    from benchmarks.runner import STAGE_NAMES
    from ucls.console import console_reporter
    from ucls.devices import resolve_device
    from ucls.settings.given import parse_setting

    overrides = dict(map(parse_setting, settings or ()))
    check_overrides(overrides)
    resolve_device(device)
    asked: dict[str, Any] = {"objective": objective, "overrides": overrides, "device": device}
    places: dict[str, Any] = {
        "runs_dir": runs_dir,
        "results_dir": results_dir,
        "overwrite": overwrite,
    }
    where: dict[str, Any] = {"data_dir": data_dir, "subset_dir": subset_dir, "download": download}
    # All at once, so that a wrong setting is told before anything runs.
    todo = [
        (list(one.jobs(range(first_seed, first_seed + seeds), **asked, **places)), one.name)
        for one in load_benchmarks(datasets)
    ]
    chosen = opt.choose(stages, STAGE_NAMES, what="--stages")
    options: dict[str, Any] = {"stages": chosen, "skip_existing": skip_existing}
    options |= {"cache_dir": cache_dir, "reporter": console_reporter(quiet=quiet)}
    outcomes = []
    for jobs, name in todo:
        for outcome in run_jobs(jobs, partial(open_source, name, **where), **options):
            outcome.tell(show_traceback=verbose)
            outcomes.append(outcome)
    show(outcomes, results_dir)


def show(outcomes: "list[Outcome]", results_dir: Path) -> None:
    """Prints what became of the call, and what shows its records; exits with 1 if any failed."""
    from benchmarks.accuracy.table import summary

    summary(outcomes).show()
    for outcome in outcomes:
        if outcome.reason:
            print(f"{outcome.title} {outcome.result}: {outcome.reason}")
    if any(outcome.trial for outcome in outcomes):
        where = "" if results_dir == opt.RESULTS else f" --results-dir {results_dir}"
        print(f"\nrecords: {results_dir}; next: python -m benchmarks table{where}")
    if any(outcome.result == "failed" for outcome in outcomes):
        raise typer.Exit(1)
