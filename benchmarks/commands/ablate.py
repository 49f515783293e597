"""``python -m benchmarks ablate``: the ablations of the thesis."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks import options as opt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.ablations.plan import Plan
    from benchmarks.jobs import Job, Outcome


class LabelSource(StrEnum):
    """Where labels come from."""

    NONE = "none"
    FOLDERS = "folders"


StudyName = Annotated[
    str, typer.Argument(metavar="STUDY", help="components, thresholds, heads, smoothing or losses.")
]
SourceOption = Annotated[
    str, typer.Option("--source", help="As for `ucls run`, or 'simulated'; it needs labels.")
]
Clusters = Annotated[int | None, typer.Option("-k", "--clusters", help="Default: the classes.")]
Threshold = Annotated[
    str, typer.Option(help="Of adaptive neighbours: a cosine similarity, 'typical' or 'auto'.")
]
Values = Annotated[
    str | None, typer.Option(metavar="A,B,...", help="Others for thresholds and heads.")
]
Preset = Annotated[str | None, typer.Option(help="The thesis's settings for a dataset.")]
Labels = Annotated[LabelSource, typer.Option(help="'folders': sub-folder names are labels.")]
Val = Annotated[str | None, typer.Option(help="Images like SOURCE, never trained on.")]
Subset = Annotated[Path | None, typer.Option(metavar="FILE.txt", help="Classes of imagenet50, ...")]
NImages = Annotated[int | None, typer.Option("--n", min=2, help="Images of simulated features.")]
Width = Annotated[int | None, typer.Option("--features", min=1, help="Their width.")]
Out = Annotated[Path, typer.Option(help="Where records, tables and plot go.")]


def command(
    study: StudyName,
    *,
    source: SourceOption,
    seeds: opt.Seeds = 3,
    first_seed: opt.FirstSeed = 0,
    clusters: Clusters = None,
    threshold: Threshold = "auto",
    values: Values = None,
    preset: Preset = None,
    settings: opt.Settings = None,
    labels: Labels = LabelSource.NONE,
    val: Val = None,
    data_dir: opt.DataDir = None,
    subset: Subset = None,
    download: opt.Download = False,
    n_images: NImages = None,
    n_features: Width = None,
    cache_dir: opt.CacheDir = None,
    runs_dir: opt.RunsDir = Path("runs/ablations"),
    out: Out = opt.RESULTS / "ablations",
    device: opt.Device = "auto",
    skip_existing: opt.SkipExisting = False,
    verbose: opt.Verbose = False,
) -> None:
    """Take the method apart as the thesis does, on any labelled source; write tables and a plot.

    Example: python -m benchmarks ablate components --source digits --seeds 3
    """
    from benchmarks.ablations.plan import Plan, fit_to_features
    from benchmarks.ablations.settings import Choices, parse_threshold, parse_values
    from benchmarks.ablations.source import Size, open_source
    from benchmarks.ablations.study import find_study
    from ucls.console import console_reporter
    from ucls.settings.given import parse_setting

    chosen = find_study(study)
    if values is not None:
        chosen = chosen.with_values(parse_values(values))
    size = Size(n_images, clusters, n_features)
    of_images: dict[str, Any] = {"labels": labels.value, "val": val, "data_dir": data_dir}
    of_images |= {"subset": subset, "download": download}
    opened = open_source(source, size=size, folder=runs_dir / "simulated", **of_images)
    given, wanted = dict(map(parse_setting, settings or ())), parse_threshold(threshold)
    choices = Choices(given, preset, wanted, clusters, device)
    plan = Plan(chosen, opened, choices, range(first_seed, first_seed + seeds))
    reporter = console_reporter(quiet=not verbose)
    plan = fit_to_features(plan, cache_dir, reporter=reporter)
    jobs = plan.jobs(runs_dir=runs_dir, out=out, overwrite=not skip_existing)
    options: dict[str, Any] = {
        "skip_existing": skip_existing,
        "cache_dir": cache_dir,
        "reporter": reporter,
    }
    run(plan, jobs, out, verbose=verbose, **options)


def run(plan: "Plan", jobs: "Iterable[Job]", out: Path, *, verbose: bool, **options: Any) -> None:
    """Runs a study, telling of each run, and writes its report; exits with 1 if any failed."""
    from benchmarks.ablations.plan import Results
    from benchmarks.ablations.report import write_report
    from benchmarks.jobs import run_jobs
    from benchmarks.runner import STAGE_NAMES

    left_out = () if "self_training" in plan.study.parts else ("self-train",)
    stages = [stage for stage in STAGE_NAMES if stage not in left_out]
    outcomes = []
    for outcome in run_jobs(jobs, lambda: plan.source, stages=stages, **options):
        tell(outcome, show_traceback=verbose)
        outcomes.append(outcome)
    for path in [out / plan.name, *write_report(Results(plan, outcomes), out)]:
        print(path)
    if any(outcome.result == "failed" for outcome in outcomes):
        raise typer.Exit(1)


def tell(outcome: "Outcome", *, show_traceback: bool) -> None:
    """Says in a line how a run went."""
    outcome.tell(show_traceback=show_traceback)
    if outcome.trial is None:
        return
    figures = outcome.trial.figures["val"] or outcome.trial.figures["train"]
    accuracies = [
        f"{name.replace('_', ' ').removesuffix('.chosen')} {100 * figures[name]['acc']:.1f} %"
        for name in ("best_head", "ensemble.chosen", "self_training")
        if "acc" in figures.get(name, {})
    ]
    seconds = outcome.trial.stages["train"]["seconds"]
    print(f"{outcome.title}: {', '.join(accuracies)}; training {seconds:.1f} s", flush=True)
