"""``python -m benchmarks growth``."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

OUT = Path("benchmarks/results/growth")
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
Out = Annotated[Path, typer.Option(help="Where record, table and plots go.")]


def command(
    *, stages: StageNames = "all", quick: Quick = False, repeats: Repeats = None, out: Out = OUT
) -> None:
    """Measure how time and memory of each stage grow with images, clusters, heads and features.

    Example: python -m benchmarks growth --stages train,ensemble
    """
    from benchmarks.speed.growth.measuring import measure_growth
    from benchmarks.speed.growth.plots import plot_growth
    from benchmarks.speed.growth.records import new_growth_record, write_growth
    from benchmarks.speed.growth.sizes import FULL, QUICK
    from benchmarks.speed.growth.tables import growth_markdown
    from ucls.cache import atomic_write
    from ucls.console import console_reporter

    grids = QUICK if quick else FULL
    measured = []
    for stage in parse_stages(stages):
        grid = grids[stage]
        with console_reporter().track(stage, len(grid.sizes()), "sizes") as advance:
            count = repeats or (1 if quick else 3)
            measured.append(measure_growth(stage, grid, repeats=count, advance=advance))
    made_by = shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
    record = new_growth_record(made_by, measured)
    write_growth(out / RECORD, record)
    markdown = growth_markdown(record)
    with atomic_write(out / "growth.md") as partial:
        partial.write_text(markdown, encoding="utf-8")
    plots = [path for growth in measured for path in plot_growth(growth, out)]
    print(markdown)
    for path in (out / RECORD, out / "growth.md", *plots):
        print(path)


def parse_stages(text: str) -> list[str]:
    """Stages separated by commas, or ``all``, in the order of a run.

    Raises:
        UsageError: for a name that is none of a stage.
    """
    from benchmarks.speed.growth.works import WORKS
    from ucls.errors import UsageError

    if text == "all":
        return list(WORKS)
    names = {name.strip() for name in text.split(",")}
    if unknown := names - WORKS.keys():
        raise UsageError(
            f"expected stages of {', '.join(WORKS)}, got {', '.join(sorted(unknown))}: leave "
            "these out"
        )
    return [name for name in WORKS if name in names]
