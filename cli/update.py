"""``ucls update``: the images that came to a run's folder since."""

from typing import Annotated

import typer

from ucls.cli import options as opt
from ucls.cli.extract import MOST_LISTED
from ucls.cli.verbosity import chosen_reporter

EXAMPLE = "ucls update runs/photos"

BackboneDevice = Annotated[
    str | None, typer.Option("--device", help="Where the backbone runs: auto, cpu, cuda or cuda:1.")
]


def command(
    run: opt.RunPath, *, weights: opt.Weights = None, device: BackboneDevice = None
) -> None:
    """Label the images that are new in the run's folder or list, and drop those that are gone.

    The run stays as it is; the labels of all images there are now go into labels-updated.csv.
    """
    from ucls.runs.run import Run
    from ucls.stages.update import update
    from ucls.wording import count

    reporter = chosen_reporter()
    result = update(run, weights=weights or (), device=device, reporter=reporter)
    for path, reason in result.skipped[:MOST_LISTED]:
        reporter.say(f"skipped {path}: {reason}")
    if len(result.skipped) > MOST_LISTED:
        reporter.say(f"skipped {len(result.skipped) - MOST_LISTED:,} more")
    print(
        f"{result.n_new:,} new, {result.n_gone:,} gone, {result.n_changed:,} changed; "
        f"{count(result.n_images, 'image')}: {result.path}"
    )
    if result.misfit:
        opened = Run(run)
        source = opened.folder.record["source"]["source"]
        print(
            f"{result.misfit}: the clusters no longer fit; a new run is due: "
            f"ucls run {source} -k {opened.n_clusters} --out {run}-new"
        )
