"""``python -m benchmarks run``: datasets and seeds, with the thesis's settings."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ucls.cli import options as opt

if TYPE_CHECKING:
    from benchmarks.accuracy.plan import Outcome

RUNS = Path("runs/benchmarks")
RESULTS = Path("benchmarks/results")

Datasets = Annotated[
    str,
    typer.Option(metavar="NAME,...", help="digits, cifar10, ...; 'all' is the ten of the thesis."),
]
Seeds = Annotated[int, typer.Option(min=1, help="How many seeds to run each dataset with.")]
FirstSeed = Annotated[int, typer.Option(min=0, help="The seeds count up from here.")]
Stages = Annotated[
    str,
    typer.Option(
        metavar="NAME,...",
        help="'all', or some of extract, neighbors, train, merge, ensemble, self-train, evaluate, "
        "on the run folders of an earlier call.",
    ),
]
Objective = Annotated[
    str,
    typer.Option(
        help="ucls, temi, scan, self-classifier, uic, c2bin or turtle; settings that have no part "
        "in it are left out."
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A setting over the dataset's own; the record and the table say so.",
    ),
]
SubsetDir = Annotated[
    Path | None,
    typer.Option(help="Holds imagenet_50.txt, imagenet_100.txt and imagenet_200.txt."),
]
RunsDir = Annotated[Path, typer.Option(help="Where the run folders go.")]
ResultsDir = Annotated[Path, typer.Option(help="Where the records go.")]
SkipExisting = Annotated[
    bool,
    typer.Option(
        "--skip-existing",
        help="Leave out what has a record with these settings, and replace what has one with "
        "others.",
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Do the stages again, and replace runs that were made with other settings.",
    ),
]


def command(
    *,
    datasets: Datasets = "all",
    seeds: Seeds = 5,
    first_seed: FirstSeed = 0,
    stages: Stages = "all",
    objective: Objective = "ucls",
    settings: Settings = None,
    data_dir: opt.DataDir = None,
    subset_dir: SubsetDir = None,
    cache_dir: opt.CacheDir = None,
    runs_dir: RunsDir = RUNS,
    results_dir: ResultsDir = RESULTS,
    device: opt.Device = None,
    download: opt.Download = False,
    skip_existing: SkipExisting = False,
    overwrite: Overwrite = False,
    verbose: opt.Verbose = False,
    quiet: opt.Quiet = False,
) -> None:
    """Run datasets with the thesis's settings and several seeds, a JSON record for each.

    Run again, it continues where it was stopped. What fails is told, and the rest goes on.

    Example: python -m benchmarks run --datasets cifar10,stl10 --seeds 5
    """
    from benchmarks.accuracy.benchmark import load_benchmarks
    from benchmarks.accuracy.plan import Plan
    from benchmarks.accuracy.runner import run_plan
    from benchmarks.accuracy.stages import parse_stages
    from benchmarks.accuracy.summary import print_summary
    from ucls.console import console_reporter
    from ucls.settings.given import parse_setting

    plan = Plan(
        benchmarks=load_benchmarks(datasets),
        seeds=range(first_seed, first_seed + seeds),
        runs_dir=runs_dir,
        results_dir=results_dir,
        stages=parse_stages(stages),
        objective=objective,
        overrides=dict(parse_setting(text) for text in settings or ()),
        data_dir=data_dir,
        subset_dir=subset_dir,
        cache_dir=cache_dir,
        device=device or "auto",
        download=download,
        overwrite=overwrite,
        skip_existing=skip_existing,
    )
    outcomes = []
    for outcome in run_plan(plan, reporter=console_reporter(quiet=quiet)):
        outcomes.append(outcome)
        if outcome.result == "failed":
            tell_failure(outcome, show_traceback=verbose)
    print_summary(outcomes)
    if any(outcome.record for outcome in outcomes):
        print(f"\nrecords: {results_dir}; next: {next_command(results_dir)}")
    if any(outcome.result == "failed" for outcome in outcomes):
        raise typer.Exit(1)


def next_command(results_dir: Path) -> str:
    """What shows the records beside the published figures."""
    where = "" if results_dir == RESULTS else f" --results-dir {results_dir}"
    return f"python -m benchmarks table{where}"


def tell_failure(outcome: "Outcome", *, show_traceback: bool) -> None:
    """Prints a line on what stopped a run, to stderr."""
    if show_traceback:
        print(outcome.traceback, file=sys.stderr)
    print(f"{outcome.title} failed: {outcome.reason}", file=sys.stderr, flush=True)
