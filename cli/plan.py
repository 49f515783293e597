"""``ucls plan``: what a run would take."""

from typing import TYPE_CHECKING, Annotated

import typer

from ucls.cli import options as opt
from ucls.cli.console import print_table
from ucls.cli.verbosity import chosen_reporter
from ucls.errors import UsageError
from ucls.wording import count, duration, size

if TYPE_CHECKING:
    from ucls.planning.stages import StagePlan

EXAMPLE = "ucls plan photos/ -k 1000 --images 100e6 --machines 8"

Images = Annotated[
    float | None,
    typer.Option(
        metavar="N", help="Plan for so many images like these, such as 100e6; default: all there."
    ),
]
Machines = Annotated[
    int,
    typer.Option(min=1, metavar="N", help="Machines like this one, a process of torchrun on each."),
]


def command(
    source: opt.SourceName,
    *,
    clusters: opt.Clusters = None,
    images: Images = None,
    machines: Machines = 1,
    backbone: opt.Backbone = None,
    weights: opt.Weights = None,
    features: opt.Features = None,
    views: opt.Views = None,
    prepare: opt.Prepare = None,
    objective: opt.Objective = None,
    effort: opt.WantedEffort = None,
    time_limit: opt.TimeLimit = None,
    config: opt.ConfigFile = None,
    preset: opt.Preset = None,
    settings: opt.Settings = None,
    cache_dir: opt.CacheDir = None,
    device: opt.Device = None,
    seed: opt.Seed = None,
    labels: opt.FolderLabels = opt.LabelSource.NONE,
    array: opt.Array = None,
    data_dir: opt.DataDir = None,
    subset: opt.Subset = None,
) -> None:
    """Plan a run without doing it: time, memory and disk of every stage.

    A few steps of each stage are measured here, which takes up to some minutes with many
    clusters, and carried on to all images. No run is written, and no weights are downloaded.
    """
    from ucls.settings.config import Config
    from ucls.settings.given import gather
    from ucls.sources import load_source
    from ucls.stages.plan import plan

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
        neighbors__prepare=prepare,
        train__objective=objective,
    )
    planned = plan(
        load_source(source, labels=labels.value, array=array, data_dir=data_dir, subset=subset),
        n_images=whole(images),
        n_processes=machines,
        config=Config().with_values(values),
        cache_dir=cache_dir,
        reporter=chosen_reporter(),
    )
    print(
        f"{count(planned.n_images, 'image')}, {count(planned.n_clusters, 'cluster')}, "
        f"{count(planned.n_processes, 'machine')}: steps measured on this machine "
        f"({planned.measured_on}) are extrapolated\n"
    )
    print_table(list(map(row, planned.stages)), numbers=("time", "memory", "disk"))
    print(
        f"\nall: {duration(sum(stage.seconds for stage in planned.stages))}, at most "
        f"{size(max(stage.memory for stage in planned.stages))} of memory on each machine, "
        f"{size(sum(stage.disk for stage in planned.stages))} of disk"
    )


def whole(images: float | None) -> int | None:
    """The number of images, which may be written as 100e6.

    Raises:
        UsageError: if it is no whole number of at least 1.
    """
    if images is None:
        return None
    if not images.is_integer() or images < 1:
        raise UsageError(f"--images must be a whole number such as 100e6, but it is {images:g}")
    return int(images)


def row(stage: "StagePlan") -> dict[str, str]:
    """A stage as a row of the table."""
    return {
        "stage": stage.stage,
        "what it would do": stage.does,
        "time": duration(stage.seconds),
        "memory": size(stage.memory),
        "disk": size(stage.disk),
        "limited by": stage.limit,
    }
