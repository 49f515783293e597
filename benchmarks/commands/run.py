"""``python -m benchmarks run``: datasets and seeds, with the thesis's settings."""

from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import options as opt

Datasets = Annotated[str, typer.Option(metavar="NAME,...", help="'all': the thesis's ten.")]
Stages = Annotated[
    str, typer.Option(metavar="NAME,...", help="Some, on the run folders of an earlier call.")
]
Objective = Annotated[str, typer.Option(help="What is trained: ucls, temi, scan, ...")]
SubsetDir = Annotated[Path, typer.Option(help="Holds imagenet_50.txt, ..., of SCAN.")]
ResultsDir = Annotated[Path, typer.Option(help="Where the records go.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Do the stages again, from scratch.")]


def command(
    *,
    datasets: Datasets = "all",
    seeds: opt.Seeds = 5,
    first_seed: opt.FirstSeed = 0,
    stages: Stages = "all",
    objective: Objective = "ucls",
    settings: opt.Settings = None,
    data_dir: opt.DataDir = None,
    subset_dir: SubsetDir = Path("imagenet_subsets"),
    cache_dir: opt.CacheDir = None,
    runs_dir: opt.RunsDir = Path("runs/benchmarks"),
    results_dir: ResultsDir = opt.RESULTS,
    device: opt.Device = "auto",
    download: opt.Download = False,
    skip_existing: opt.SkipExisting = False,
    overwrite: Overwrite = False,
) -> None:
    """Run datasets with the thesis's settings and several seeds, a JSON record for each.

    Run again, it continues where it was stopped. What fails is told, and the rest goes on.

    Example: python -m benchmarks run --datasets cifar10,stl10 --seeds 5
    """
    from functools import partial

    from benchmarks.accuracy.datasets import load_benchmarks
    from benchmarks.accuracy.table import summary
    from benchmarks.jobs import Outcome, run_jobs
    from benchmarks.runner import STAGE_NAMES
    from ucls.datasets import DATASETS
    from ucls.progress import PlainReporter
    from ucls.sources import load_source

    asked: dict[str, Any] = {"objective": objective, "device": device, "runs_dir": runs_dir}
    # These would change the run, and not the name of its record.
    overrides = opt.parse_settings(settings, "seed", "device", "train.objective")
    asked |= {"overrides": overrides, "results_dir": results_dir}
    numbers = range(first_seed, first_seed + seeds)
    # All at once, so that a wrong setting is told before anything runs.
    todo = {
        one.name: [one.job(seed, **asked) for seed in numbers] for one in load_benchmarks(datasets)
    }
    options: dict[str, Any] = {
        "stages": opt.choose(stages, STAGE_NAMES, what="--stages"),
        "skip_existing": skip_existing,
        "overwrite": overwrite,
        "cache_dir": cache_dir,
        "reporter": PlainReporter(),
    }
    outcomes: list[Outcome] = []
    for name, jobs in todo.items():
        info, subset = DATASETS[name], None
        if info.takes_subset:
            subset = subset_dir / f"imagenet_{info.n_classes}.txt"
        where: dict[str, Any] = {"data_dir": data_dir, "subset": subset, "download": download}
        outcomes += run_jobs(jobs, partial(load_source, name, **where), **options)
    summary(outcomes).show()
    print(f"records: {results_dir}")
    if any(outcome.result == "failed" for outcome in outcomes):
        raise typer.Exit(1)
