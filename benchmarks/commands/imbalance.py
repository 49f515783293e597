"""``python -m benchmarks imbalance``: what unequal classes cost each method."""

from typing import Annotated

import typer

from benchmarks import options as opt
from benchmarks.commands.quality import Rows, Sources

Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME", help="sphere or a source; others are left out."),
]


def command(
    *,
    seeds: opt.Seeds = 5,
    first_seed: opt.FirstSeed = 0,
    set_: Sets = None,
    row: Rows = None,
    source: Sources = None,
    json: opt.Json = None,
) -> None:
    """Show ACC and class ACC over the ratio of the largest to the least class: 1, 3, 10, 30, 100.

    On a sphere that is made here, always of 6,000 images, and on sources, thinned. With --json
    record and page are written after each cell, continued by the same command, and a plot at last.

    Example: python -m benchmarks imbalance --json imbalance.json
    """
    from benchmarks.quality.curves import ImbalanceRecord, at_ratios, plot_curves, set_name
    from benchmarks.quality.methods import METHODS, OF_CURVES
    from benchmarks.quality.record import begin_record
    from benchmarks.quality.work import work
    from benchmarks.sets import Opener, openers

    record = begin_record(json, ImbalanceRecord)
    known = at_ratios(openers(source or ()))
    sets: dict[str, Opener] = {}
    for name in opt.pick(set_ or known, known, what="set"):
        named = {set_name(name, ratio): ratio for ratio in known[name]}
        record.curves[name] = named
        sets |= {text: known[name][ratio] for text, ratio in named.items()}
    methods = opt.pick(row or OF_CURVES, METHODS, what="method")
    work(
        record,
        sets,
        methods=methods,
        seeds=range(first_seed, first_seed + seeds),
        json=json,
    )
    if json is not None:
        print(*plot_curves(record, json.with_suffix("")), sep="\n")
