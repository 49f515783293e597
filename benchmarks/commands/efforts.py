"""``python -m benchmarks efforts``: quality against cost of the training's settings."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks import options as opt

if TYPE_CHECKING:
    from benchmarks.efforts import EffortsRecord

Rows = Annotated[
    list[str] | None,
    typer.Option("--row", metavar="NAME", help="A row; default: all but other objectives."),
]
Sources = Annotated[
    list[str] | None,
    typer.Option("--source", metavar="NAME=SOURCE", help="A labelled set in place of small ones."),
]


def command(
    *,
    seeds: opt.Seeds = 1,
    first_seed: opt.FirstSeed = 0,
    row: Rows = None,
    source: Sources = None,
    json: opt.Json = None,
) -> None:
    """Show what heads, widths, epochs and so on buy, in ACC and in seconds.

    Without --source on sets that are made here in seconds: digits, digits in unequal classes, and a
    feature file of curved sheets. With --json a page of Markdown is written beside the record.

    Example: python -m benchmarks efforts --source c100=cifar100-test.npz --seeds 3
    """
    import tempfile
    from itertools import product

    from benchmarks import efforts, sets
    from benchmarks.machine import describe_machine
    from benchmarks.records import check_record, made_here
    from ucls.progress import PlainReporter

    check_record(json)
    rows, reporter = opt.pick(row or efforts.BY_DEFAULT, efforts.ROWS, what="row"), PlainReporter()
    openers = sets.openers(source) if source else {name: sets.SETS[name] for name in efforts.SMALL}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        sources = {name: opener(folder) for name, opener in openers.items()}
        record = efforts.EffortsRecord(**made_here(), sets={}, results={})
        record.sets.update(
            {name: efforts.describe_set(one, folder) for name, one in sources.items()}
        )
        # Seeds go last, so that what is there is whole when it is stopped.
        for seed, (name, one), chosen in product(
            range(first_seed, first_seed + seeds), sources.items(), rows
        ):
            found = efforts.run_row(chosen, one, seed=seed, folder=folder)
            record.results.setdefault(name, {}).setdefault(chosen, []).append(found)
            _keep(record, json)
            reporter.say(
                f"{name}, {chosen}, seed {seed}: ACC {found['ACC']:.3f}, {found['s']:.1f} s"
            )
    print(describe_machine())
    for table in efforts.efforts_tables(record.results):
        table.show()


def _keep(record: "EffortsRecord", json: Path | None) -> None:
    """Writes what there is by now: all sets can take hours."""
    from benchmarks.efforts import efforts_page
    from benchmarks.records import write_record
    from ucls.cache import atomic_write

    if json is not None:
        write_record(json, record)
        with atomic_write(json.with_suffix(".md")) as partial:
            partial.write_text(efforts_page(record), encoding="utf-8")
