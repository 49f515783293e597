"""``python -m benchmarks ablate``: the ablations of the thesis."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from benchmarks import options as opt

StudyName = Annotated[
    str, typer.Argument(metavar="STUDY", help="components, thresholds, heads, smoothing or losses.")
]
SourceOption = Annotated[str, typer.Option("--source", help="As for `ucls run`; it needs labels.")]
Values = Annotated[
    str | None, typer.Option(metavar="A,B,...", help="Others for thresholds and heads.")
]
Preset = Annotated[str | None, typer.Option(help="The thesis's settings for a dataset.")]
Labels = Annotated[Literal["none", "folders"], typer.Option(help="Names of sub-folders.")]
Val = Annotated[str | None, typer.Option(help="Images like SOURCE, never trained on.")]
Subset = Annotated[Path | None, typer.Option(metavar="FILE.txt", help="Classes of imagenet50, ...")]
Out = Annotated[Path, typer.Option(help="Where records, tables and plot go.")]


def command(
    study: StudyName,
    *,
    source: SourceOption,
    seeds: opt.Seeds = 3,
    first_seed: opt.FirstSeed = 0,
    values: Values = None,
    preset: Preset = None,
    settings: opt.Settings = None,
    labels: Labels = "none",
    val: Val = None,
    data_dir: opt.DataDir = None,
    subset: Subset = None,
    download: opt.Download = False,
    cache_dir: opt.CacheDir = None,
    runs_dir: opt.RunsDir = Path("runs/ablations"),
    out: Out = opt.RESULTS / "ablations",
    device: opt.Device = "auto",
    skip_existing: opt.SkipExisting = False,
) -> None:
    """Take the method apart as the thesis does, on any labelled source; write tables and a plot.

    A setting that only some rows have of their own, such as neighbors.threshold of components, is
    set for the others.

    Example: python -m benchmarks ablate components --source digits --seeds 3
    """
    from benchmarks.ablations.plan import Plan
    from benchmarks.ablations.report import write_report
    from benchmarks.ablations.rows import Results
    from benchmarks.ablations.study import find_study
    from benchmarks.accuracy.table import summary
    from benchmarks.jobs import run_jobs
    from benchmarks.runner import STAGE_NAMES
    from ucls.progress import PlainReporter
    from ucls.sources import load_source

    chosen, given = find_study(study), opt.parse_settings(settings, "seed", "device")
    if values is not None:
        chosen = chosen.with_values(values)
    images: dict[str, Any] = {"val": val, "data_dir": data_dir, "subset": subset}
    opened = load_source(source, labels=labels, download=download, **images)
    plan = Plan(chosen, opened, range(first_seed, first_seed + seeds), given, preset, device)
    options: dict[str, Any] = {"cache_dir": cache_dir, "reporter": PlainReporter()}
    plan = plan.fit_to_features(**options)
    left_out = () if "self_training" in chosen.parts else ("self-train",)
    options["stages"] = [stage for stage in STAGE_NAMES if stage not in left_out]
    options |= {"skip_existing": skip_existing, "overwrite": not skip_existing}
    outcomes = list(run_jobs(plan.jobs(runs_dir, out), lambda: opened, **options))
    summary(outcomes).show()
    for path in [out / plan.name, *write_report(Results(plan, outcomes), out)]:
        print(path)
    if any(outcome.result == "failed" for outcome in outcomes):
        raise typer.Exit(1)
