"""Fills a record and keeps it, and its page, after each cell."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.machine import describe_machine
from benchmarks.quality.page import quality_page, tables
from benchmarks.quality.record import QualityRecord, fill
from benchmarks.records import write_record
from benchmarks.sets import Opener, read_set
from ucls.cache import atomic_write
from ucls.progress import PlainReporter


def work(
    record: QualityRecord,
    openers: Mapping[str, Opener],
    *,
    methods: Sequence[str],
    seeds: Iterable[int],
    json: Path | None,
) -> None:
    """Measures what the record lacks, each cell told and kept at once, and prints its tables."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        sets = {name: read_set(opener(folder), folder) for name, opener in openers.items()}
        for told in fill(record, sets, methods=methods, seeds=seeds):
            PlainReporter().say(told)
            if json is not None:
                keep(record, json)
    print(describe_machine())
    for table in tables(record):
        table.show()


def keep(record: QualityRecord, path: Path) -> None:
    """Writes the record, and its page beside it."""
    write_record(path, record)
    with atomic_write(path.with_suffix(".md")) as partial:
        partial.write_text(quality_page(record), encoding="utf-8")
