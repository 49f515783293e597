"""``python -m benchmarks numbers``: how many clusters are suggested."""

from typing import Annotated

import typer

from benchmarks import options as opt
from benchmarks.commands.quality import Sources

Sets = Annotated[list[str] | None, typer.Option("--set", metavar="NAME", help="Or all.")]
Methods = Annotated[list[str] | None, typer.Option("--row", metavar="NAME", help="Or all.")]


def command(
    *,
    seeds: opt.Seeds = 5,
    first_seed: opt.FirstSeed = 0,
    set_: Sets = None,
    row: Methods = None,
    source: Sources = None,
    json: opt.Json = None,
) -> None:
    """Show how many clusters are suggested for sets whose number of classes is known.

    Every method is given features as a run prepares them; k-means of the silhouette and of the gap
    statistic, HDBSCAN and DipMeans see 32 principal components of them. DipMeans is there where
    ClustPy is installed.

    Example: python -m benchmarks numbers --seeds 2 --set digits
    """
    import tempfile
    import time
    from pathlib import Path

    from benchmarks import numbers
    from benchmarks.machine import describe_machine
    from benchmarks.records import check_record, made_here, write_record
    from benchmarks.sets import openers, read_set
    from ucls.progress import PlainReporter

    check_record(json)
    known = {**numbers.SETS, **openers(source or ())}
    if not numbers.HAS_CLUSTPY and (row is None or numbers.DIPMEANS in row):
        PlainReporter().say(numbers.WITHOUT_CLUSTPY)
    methods = opt.pick(row or numbers.METHODS, numbers.METHODS, what="method")
    record = numbers.NumbersRecord(**made_here(), n_classes={}, results={})
    with tempfile.TemporaryDirectory() as made:
        for name in opt.pick(set_ or known, known, what="set"):
            data = read_set(known[name](Path(made)), Path(made))
            record.n_classes[name] = len(set(data.labels.tolist()))
            features, rows = numbers.prepared(data.features), record.results.setdefault(name, {})
            for method in methods:
                for seed in range(first_seed, first_seed + seeds):
                    started = time.perf_counter()
                    found = numbers.METHODS[method](features, seed)
                    seconds = time.perf_counter() - started
                    rows.setdefault(method, []).append({"k": found, "s": seconds})
                    PlainReporter().say(f"{name}, {method}, seed {seed}: {found}, {seconds:.1f} s")
                if json is not None:
                    write_record(json, record)
    print(describe_machine())
    numbers.numbers_table(record).show()
