"""``python -m benchmarks growth``."""

from typing import Annotated

import typer

from benchmarks.commands.speed import Areas, Quick
from benchmarks.options import RESULTS, Out, choose

FOLDER = RESULTS / "growth"

Repeats = Annotated[
    int | None, typer.Option(min=1, help="Turns that are timed; default: 3, or 1 with --quick.")
]


def command(
    *, stages: Areas = "all", quick: Quick = False, repeats: Repeats = None, out: Out = FOLDER
) -> None:
    """Measure how time and memory of each stage grow with images, clusters, heads and features."""
    from benchmarks.record_and_page import check_results, write_results
    from benchmarks.records import made_here
    from benchmarks.speed.growth import works
    from benchmarks.speed.growth.page import TEMPLATE, growth_page, plot_growth
    from benchmarks.speed.growth.record import GrowthRecord
    from ucls.progress import PlainReporter

    grids = works.read_grids("quick" if quick else "full")
    chosen = choose(stages, grids, what="--stages")
    check_results(out, GrowthRecord, TEMPLATE)
    times = repeats or (1 if quick else 3)
    measured = []
    with PlainReporter().track("growth", len(chosen), "stages") as advance:
        for stage in chosen:
            measured.append(works.measure_growth(stage, grids[stage], repeats=times))
            advance(1)
    record = GrowthRecord(**made_here(), stages=tuple(measured))
    write_results(out, record, growth_page(record))
    plots = [path for growth in measured for path in plot_growth(growth, out)]
    print(out / "growth.json", out / "growth.md", *plots, sep="\n")
