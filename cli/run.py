"""``ucls run``: every stage."""

from pathlib import Path
from typing import Annotated

import typer

from ucls.cli import options as opt
from ucls.cli.verbosity import chosen_reporter
from ucls.errors import UclsError

EXAMPLE = "ucls run photos/ -k 20"

WithReport = Annotated[
    bool, typer.Option("--report/--no-report", help="Make a page to look at in the end.")
]


def command(
    source: opt.SourceName,
    *,
    clusters: opt.Clusters = None,
    alternatives: opt.Alternatives = 1,
    backbone: opt.Backbone = None,
    weights: opt.Weights = None,
    features: opt.Features = None,
    views: opt.Views = None,
    prepare: opt.Prepare = None,
    objective: opt.Objective = None,
    min_size: opt.MinSize = None,
    known: opt.KnownLabels = None,
    outliers: opt.Outliers = None,
    effort: opt.WantedEffort = None,
    time_limit: opt.TimeLimit = None,
    config: opt.ConfigFile = None,
    preset: opt.Preset = None,
    settings: opt.Settings = None,
    out: opt.Out = None,
    cache_dir: opt.CacheDir = None,
    device: opt.Device = None,
    seed: opt.Seed = None,
    labels: opt.FolderLabels = opt.LabelSource.NONE,
    val: opt.Val = None,
    array: opt.Array = None,
    data_dir: opt.DataDir = None,
    subset: opt.Subset = None,
    download: opt.Download = False,
    strict: opt.Strict = None,
    report: WithReport = True,
    overwrite: opt.Overwrite = False,
) -> None:
    """Cluster images, from the pictures to a label for each, in one go.

    Run again, it continues where it was stopped and skips what is finished.
    """
    from ucls import pipeline
    from ucls.cli.tables import print_clusterings, print_results
    from ucls.runs.heads import warn_of_collapse
    from ucls.settings.config import Config
    from ucls.settings.given import gather
    from ucls.sources import load_source

    values = gather(
        config=config,
        preset=preset,
        settings=settings,
        n_clusters=clusters,
        effort=effort,
        time_limit=time_limit,
        seed=seed,
        device=device,
        features=features,
        extract__backbone=backbone,
        extract__weights=weights,
        extract__views=views,
        extract__strict=strict,
        neighbors__prepare=prepare,
        train__objective=objective,
        merge__min_cluster_size=min_size,
        merge__known=None if known is None else str(known.absolute()),
        self_train__outliers=outliers,
    )
    result = pipeline.run(
        load_source(
            source,
            labels=labels.value,
            val=val,
            array=array,
            data_dir=data_dir,
            subset=subset,
            download=download,
        ),
        out=out,
        alternatives=alternatives,
        config=Config().with_values(values),
        cache_dir=cache_dir,
        overwrite=overwrite,
        reporter=chosen_reporter(),
    )
    print_results(result.figures)
    print(f"\nlabels of all images: {result.path / 'labels.csv'}")
    print(f"all figures:          {result.path / 'metrics.json'}", flush=True)
    # The first page shows the others, and has links to theirs.
    pages = [_show(found.path) for found in (*result.alternatives, result)] if report else []
    if report and pages[-1]:
        print(f"look at it:           {pages[-1]}")
    if result.alternatives:
        print_clusterings([found.path for found in (result, *result.alternatives)])
    for found in (result, *result.alternatives):
        warn_of_collapse(found.path, chosen_reporter())


def _show(run: Path) -> Path | None:
    """Makes the report; the run is whole without it."""
    from ucls.cache import run_files as files
    from ucls.stages.report import is_up_to_date, report

    try:
        if not is_up_to_date(run):
            report(run, reporter=chosen_reporter())
    except UclsError as error:
        chosen_reporter().warn(f"no report: {error}")
        return None
    return run / files.REPORT
