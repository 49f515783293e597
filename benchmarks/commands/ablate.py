"""``python -m benchmarks ablate``: the ablations of the thesis."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ucls.cli import options as opt

if TYPE_CHECKING:
    from benchmarks.ablations.record import Entry

RESULTS = Path("benchmarks/results/ablations")

StudyName = Annotated[
    str, typer.Argument(metavar="STUDY", help="components, thresholds, heads, smoothing or losses.")
]
SourceOption = Annotated[
    str,
    typer.Option(
        "--source",
        help="A dataset name, a folder of images, a .csv list of images, a feature file, or "
        "'simulated'.",
    ),
]
Seeds = Annotated[int, typer.Option(min=1, help="Runs of every row.")]
FirstSeed = Annotated[int, typer.Option(min=0, help="Seed of the first of them.")]
Threshold = Annotated[
    str,
    typer.Option(
        help="Of the adaptive neighbours: a cosine similarity, 'typical', or 'auto' for what fits "
        "the features (the preset's if there is one)."
    ),
]
Values = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,...", help="thresholds and heads: other values than the thesis's own."
    ),
]
N = Annotated[int | None, typer.Option("--n", min=2, help="Images of simulated features.")]
Width = Annotated[
    int | None, typer.Option("--features", min=1, help="Width of simulated features.")
]
RunsDir = Annotated[Path, typer.Option(help="Where the run folders go.")]
Out = Annotated[Path, typer.Option(help="Where record, tables and plot go.")]
SkipExisting = Annotated[
    bool,
    typer.Option("--skip-existing", help="Keep what an equal, earlier call has finished."),
]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Show what every stage does.")]


def command(
    study: StudyName,
    *,
    source: SourceOption,
    seeds: Seeds = 3,
    first_seed: FirstSeed = 0,
    clusters: opt.Clusters = None,
    threshold: Threshold = "auto",
    values: Values = None,
    preset: opt.Preset = None,
    settings: opt.Settings = None,
    labels: opt.FolderLabels = opt.LabelSource.NONE,
    val: opt.Val = None,
    data_dir: opt.DataDir = None,
    subset: opt.Subset = None,
    download: opt.Download = False,
    n_images: N = None,
    n_features: Width = None,
    cache_dir: opt.CacheDir = None,
    runs_dir: RunsDir = Path("runs/ablations"),
    out: Out = RESULTS,
    device: opt.Device = None,
    skip_existing: SkipExisting = False,
    verbose: Verbose = False,
) -> None:
    """Take the method apart as the thesis does, on any labelled source; write tables and a plot.

    Example: python -m benchmarks ablate components --source digits --seeds 3
    """
    from benchmarks.ablations.opening import Size, open_source
    from benchmarks.ablations.plan import Places, Plan
    from benchmarks.ablations.report import write_report
    from benchmarks.ablations.runner import run_study
    from benchmarks.ablations.settings import Choices, parse_threshold, parse_values
    from benchmarks.ablations.studies import find_study
    from ucls.console import console_reporter
    from ucls.settings.given import parse_setting

    chosen = find_study(study)
    if values is not None:
        chosen = chosen.with_values(parse_values(values))
    opened = open_source(
        source,
        size=Size(n_images, clusters, n_features),
        folder=runs_dir / "simulated",
        labels=labels.value,
        val=val,
        data_dir=data_dir,
        subset=subset,
        download=download,
    )
    choices = Choices(
        given=dict(map(parse_setting, settings or ())),
        preset=preset,
        threshold=parse_threshold(threshold),
        n_clusters=clusters,
        device=device or "auto",
    )
    places = Places(runs_dir, out / f"{chosen.name}-{opened.source.name}.json", cache_dir)
    record = run_study(
        Plan(chosen, opened.source, choices, range(first_seed, first_seed + seeds)),
        places,
        command=shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
        simulated=opened.simulated,
        skip_existing=skip_existing,
        reporter=console_reporter(quiet=not verbose),
        told=tell,
    )
    for path in [places.record, *write_report(chosen, record, places.record)]:
        print(path)
    if len(record.finished) < len(record.entries):
        raise typer.Exit(1)


def tell(entry: "Entry") -> None:
    """Says in a line how a run went."""
    name = f"{entry.variant}, seed {entry.seed}"
    if entry.figures is None:
        print(f"{name} failed: {entry.error}", file=sys.stderr, flush=True)
        return
    accuracies = [
        f"{part.replace('_', ' ')} {100 * figures['acc']:.1f} %"
        for part, figures in entry.figures.items()
        if part in ("best_head", "ensemble", "self_training") and figures is not None
    ]
    print(f"{name}: {', '.join(accuracies)}; training {entry.seconds['train']:.1f} s", flush=True)
