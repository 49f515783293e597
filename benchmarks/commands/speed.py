"""``python -m benchmarks speed``."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.machine import describe_machine
from benchmarks.options import Repeats, choose

Quick = Annotated[bool, typer.Option("--quick", help="Small sizes: a few minutes.")]
Areas = Annotated[
    str, typer.Option(metavar="NAME,...", help="'all', or some, such as neighbors,self-train.")
]
Out = Annotated[Path | None, typer.Option(help="Where the JSON goes, for `compare`.")]


def command(
    *, quick: Quick = False, areas: Areas = "all", repeats: Repeats = 3, out: Out = None
) -> None:
    """Measure every stage against what the machine can do, and against its peers.

    Each ratio is ours over the reference, timed in turns: below 1, ours is faster.
    """
    from benchmarks.records import check_record, made_here, write_record
    from benchmarks.speed import suite
    from benchmarks.speed.measurement import SpeedRecord, show_measurements

    works = suite.QUICK if quick else suite.FULL
    chosen = choose(areas, works, what="--areas")
    check_record(out)
    print(describe_machine())
    record = SpeedRecord(**made_here(), measurements=[])
    for name in chosen:
        found = list(works[name](repeats))
        print(f"\n{name}")
        show_measurements(found)
        record.measurements.extend(found)
        if out is not None:
            # After each area, so that nothing is lost if a later one fails or is stopped.
            write_record(out, record)
            print(f"\nwritten: {out}")
