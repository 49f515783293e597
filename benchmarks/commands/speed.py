"""``python -m benchmarks speed``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.machine import describe_machine
from ucls.errors import UsageError

Quick = Annotated[bool, typer.Option("--quick", help="Small sizes: less than three minutes.")]
Areas = Annotated[
    str | None, typer.Option(metavar="NAME,...", help="Some areas only, such as neighbors,epoch.")
]
Repeats = Annotated[int, typer.Option(min=1, help="Turns of ours and the reference.")]
Out = Annotated[Path | None, typer.Option(help="Where the JSON goes, for `compare`.")]


def command(
    quick: Quick = False, areas: Areas = None, repeats: Repeats = 3, out: Out = None
) -> None:
    """Measure every stage against what the machine can do, and against its peers.

    Each ratio is ours over the reference, timed in turns: below 1, ours is faster.
    """
    from benchmarks.speed.records import new_record, write_record
    from benchmarks.speed.suite import FULL, QUICK
    from benchmarks.speed.tables import show_measurements

    suite = QUICK if quick else FULL
    chosen = list(suite) if areas is None else [name.strip() for name in areas.split(",")]
    if unknown := [name for name in chosen if name not in suite]:
        raise UsageError(
            f"there is no area {unknown[0]!r}{' with --quick' if quick else ''}; choose of "
            f"{', '.join(suite)}"
        )
    command_line = " ".join(["python -m benchmarks", *sys.argv[1:]])
    print(describe_machine())
    measurements = []
    for name in chosen:
        found = list(suite[name](repeats))
        print(f"\n{name}")
        show_measurements(found)
        measurements += found
        if out is not None:
            # After each area, so that nothing is lost if a later one fails or is stopped.
            write_record(out, new_record(command_line, measurements))
    if out is not None:
        print(f"\nwritten: {out}")
