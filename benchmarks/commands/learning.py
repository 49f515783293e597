"""``python -m benchmarks learning``: networks learned from images alone, by method and seed."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks import options as opt

OUT = opt.RESULTS / "learning"
FOLDER = Path("runs/learning")

OfSource = Annotated[str, typer.Option("--source", help="A dataset, or a folder of classes.")]
Val = Annotated[str | None, typer.Option(help="Beside a folder of classes: another one, as val.")]
Methods = Annotated[
    list[str] | None,
    typer.Option("--method", metavar="NAME", help="Default: all."),
]
Folder = Annotated[Path, typer.Option(help="Where networks and runs stay; none is made twice.")]


def command(
    *,
    source: OfSource = "fashion-mnist",
    val: Val = None,
    method: Methods = None,
    seeds: opt.Seeds = 5,
    first_seed: opt.FirstSeed = 0,
    epochs: opt.Count = 6,
    folder: Folder = FOLDER,
    out: opt.Out = OUT,
    data_dir: opt.DataDir = None,
    download: opt.Download = False,
) -> None:
    """Learn the small network by each method, cluster with it, and set k-means on pixels beside.

    Record and page are written after each network, and gone on with by the next call.

    Example: python -m benchmarks learning --method self-classifier --seeds 1
    """
    from benchmarks.learning.page import TEMPLATE, learning_page
    from benchmarks.learning.record import LearningRecord, begin_record
    from benchmarks.learning.work import fill
    from benchmarks.record_and_page import check_results, save_results, write_results
    from ucls.errors import UsageError
    from ucls.settings.pretraining_methods import METHODS
    from ucls.sources import load_source

    check_results(out, LearningRecord, TEMPLATE)
    methods = opt.pick(method or METHODS, METHODS, what="method")
    opened = load_source(
        source,
        labels="none" if val is None else "folders",
        val=val,
        data_dir=data_dir,
        download=download,
    )
    if "val" not in opened.splits or opened.n_classes is None:
        raise UsageError(f"{source} has no labels, or no val to score: give a dataset, or --val")
    record = begin_record(
        out / "learning.json",
        dataset=opened.name,
        settings={"arch": "small", "epochs": epochs},
        images=len(opened.splits["train"]),
    )
    for told in fill(
        record, opened, methods=methods, seeds=range(first_seed, first_seed + seeds), folder=folder
    ):
        print(told, flush=True)
        save_results(out, record, learning_page(record))
    write_results(out, record, learning_page(record))
