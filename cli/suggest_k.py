"""``ucls suggest-k``: how many clusters there are."""

from pathlib import Path
from typing import Annotated

import typer

from ucls.cli import options as opt
from ucls.cli.console import print_table
from ucls.cli.verbosity import chosen_reporter

EXAMPLE = "ucls suggest-k photos/ --plot numbers.svg"

Source = Annotated[
    str,
    typer.Argument(metavar="SOURCE", help="What to cluster, as for `ucls run`; or a run folder."),
]
Plot = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Draw the signs: a .png or an .svg.")
]


def command(
    source: Source,
    *,
    backbone: opt.Backbone = None,
    weights: opt.Weights = None,
    features: opt.Features = None,
    prepare: opt.Prepare = None,
    plot: Plot = None,
    cache_dir: opt.CacheDir = None,
    device: opt.Device = None,
    seed: opt.Seed = None,
    data_dir: opt.DataDir = None,
    overwrite: opt.OverwriteFile = False,
) -> None:
    """Suggest a number of clusters, and show what speaks for it and for others.

    A large gap speaks for a number: from there on groups of images are no longer separate. So does
    one beyond those of clouds that are as wide but have no groups. And so do few bits: fewer
    clusters fit the images worse, more each take their own description.
    """
    from ucls.config import Config
    from ucls.runs.suggested import told
    from ucls.settings.given import gather
    from ucls.sources import load_source
    from ucls.stages.suggest_k import is_run, suggest_k

    values = gather(
        seed=seed,
        device=device,
        features=features,
        extract__backbone=backbone,
        extract__weights=weights,
        neighbors__prepare=prepare,
    )
    opened = source if is_run(source) else load_source(source, data_dir=data_dir)
    found = suggest_k(
        opened,
        config=Config().with_values(values),
        cache_dir=cache_dir,
        plot=plot,
        overwrite=overwrite,
        reporter=chosen_reporter(),
    )
    marks = {found.n_clusters: "suggested", **dict.fromkeys(found.next_best, "next best")}
    rows = [
        {
            "clusters": str(one.n_clusters),
            "gap": f"{one.gap:.3f}",
            "beyond clouds": "" if one.beyond is None else f"{one.beyond:.3f}",
            "bits per image": f"{one.coding_length:.2f}",
            "": marks.get(one.n_clusters, ""),
        }
        for one in found.signs
    ]
    print_table(rows, numbers=("clusters", "gap", "beyond clouds", "bits per image"))
    print(f"\nclusters: {told(found)}")
    if plot is not None:
        print(f"plot: {plot}")
