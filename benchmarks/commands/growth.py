"""``python -m benchmarks growth``."""

from typing import Annotated

import typer

from benchmarks.options import RESULTS, Out, choose

FOLDER = RESULTS / "growth"
RECORD = "growth.json"

StageNames = Annotated[
    str,
    typer.Option(
        "--stages",
        metavar="NAME,...",
        help="'all', or some of neighbors, train, merge, ensemble, self-train, evaluate.",
    ),
]
Quick = Annotated[bool, typer.Option("--quick", help="Small sizes, each once: a trial.")]
Repeats = Annotated[
    int | None,
    typer.Option(min=1, help="Times that each size is timed; default: 3, or 1 with --quick."),
]


def command(
    *, stages: StageNames = "all", quick: Quick = False, repeats: Repeats = None, out: Out = FOLDER
) -> None:
    """Measure how time and memory of each stage grow with images, clusters, heads and features.

    Example: python -m benchmarks growth --stages train,ensemble
    """
    from benchmarks.records import made_here, write_record
    from benchmarks.speed.growth import sizes
    from benchmarks.speed.growth.measuring import measure_growth
    from benchmarks.speed.growth.page import growth_page
    from benchmarks.speed.growth.plots import plot_growth
    from benchmarks.speed.growth.record import GrowthRecord
    from ucls.cache import atomic_write
    from ucls.console import console_reporter

    grids = sizes.QUICK if quick else sizes.FULL
    chosen = choose(stages, grids, what="--stages")
    times = repeats or (1 if quick else 3)
    measured = []
    with console_reporter().track("growth", len(chosen), "stages") as advance:
        for stage in chosen:
            measured.append(measure_growth(stage, grids[stage], repeats=times))
            advance(1)
    record = GrowthRecord(**made_here(), stages=tuple(measured))
    write_record(out / RECORD, record)
    page = growth_page(record)
    with atomic_write(out / "growth.md") as partial:
        partial.write_text(page, encoding="utf-8")
    plots = [path for growth in measured for path in plot_growth(growth, out)]
    print(page)
    for path in (out / RECORD, out / "growth.md", *plots):
        print(path)
