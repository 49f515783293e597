"""``python -m benchmarks quality``: UCLS beside its peers on the very same features."""

from typing import Annotated

import typer

from benchmarks import options as opt

Quick = Annotated[bool, typer.Option("--quick", help="Few sets and methods, one seed: 5 minutes.")]
Seeds = Annotated[
    int | None, typer.Option(min=1, help="Runs of each; default: 5, or 1 with --quick.")
]
Sets = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME", help="A set; others are left out.")
]
Rows = Annotated[
    list[str] | None, typer.Option("--row", metavar="NAME", help="A method; others are left out.")
]
Sources = Annotated[
    list[str] | None,
    typer.Option("--source", metavar="NAME=SOURCE", help="A labelled set beside those made here."),
]


def command(
    *,
    quick: Quick = False,
    seeds: Seeds = None,
    first_seed: opt.FirstSeed = 0,
    set_: Sets = None,
    row: Rows = None,
    source: Sources = None,
    json: opt.Json = None,
) -> None:
    """Show ACC, class ACC, NMI and seconds of UCLS and of its peers, with intervals over seeds.

    All sets are made here. All of them, all methods and 5 seeds take 1 to 3 hours. With --json
    record and page are written after each cell, and the same command continues them.

    Example: python -m benchmarks quality --quick --json quality.json
    """
    from benchmarks.quality.methods import ABLATIONS, METHODS, QUICK
    from benchmarks.quality.record import QualityRecord, begin_record
    from benchmarks.quality.work import work
    from benchmarks.sets import QUICK_SETS, SETS, openers

    record = begin_record(json, QualityRecord)
    given = openers(source or ())
    known = {**SETS, **given}
    sets = opt.pick(set_ or ([*QUICK_SETS, *given] if quick else known), known, what="set")
    default = QUICK if quick else METHODS
    methods = opt.pick(row or default, (*METHODS, *ABLATIONS), what="method")
    count = seeds or (1 if quick else 5)
    work(
        record,
        {name: known[name] for name in sets},
        methods=methods,
        seeds=range(first_seed, first_seed + count),
        json=json,
    )
