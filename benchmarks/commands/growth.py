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
    from benchmarks.pages import is_page
    from benchmarks.records import check_record, made_here, write_record
    from benchmarks.speed.growth import works
    from benchmarks.speed.growth.page import TEMPLATE, growth_page, plot_growth
    from benchmarks.speed.growth.record import GrowthRecord
    from ucls.cache import atomic_write, check_output
    from ucls.progress import PlainReporter

    grids = works.read_grids("quick" if quick else "full")
    chosen = choose(stages, grids, what="--stages")
    check_record(out / "growth.json")
    check_output(out / "growth.md", is_own=is_page(TEMPLATE))
    times = repeats or (1 if quick else 3)
    measured = []
    with PlainReporter().track("growth", len(chosen), "stages") as advance:
        for stage in chosen:
            measured.append(works.measure_growth(stage, grids[stage], repeats=times))
            advance(1)
    record = GrowthRecord(**made_here(), stages=tuple(measured))
    page = growth_page(record)
    write_record(out / "growth.json", record)
    with atomic_write(out / "growth.md") as partial:
        partial.write_text(page, encoding="utf-8")
    plots = [path for growth in measured for path in plot_growth(growth, out)]
    print(page, out / "growth.json", out / "growth.md", *plots, sep="\n")
