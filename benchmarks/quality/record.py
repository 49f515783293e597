"""A record of cells, set by method by seed, which is continued where it was stopped."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np

from benchmarks.efforts import Figures
from benchmarks.quality.methods import measure
from benchmarks.records import Record, check_record, made_here, read_record
from benchmarks.sets import LabelledSet
from ucls.errors import UsageError
from ucls.peers.algorithms import SEEDLESS


@dataclass(frozen=True, kw_only=True)
class QualityRecord(Record):
    """The figures of each cell."""

    made_by: ClassVar[str] = "quality"
    title: ClassVar[str] = "UCLS beside its peers"

    sets: dict[str, dict[str, int]]
    """Images, features, classes and the sizes of the ``least`` and the ``largest``."""
    results: dict[str, dict[str, dict[int, Figures]]]
    """By set, by method, by seed."""


Kind = TypeVar("Kind", bound=QualityRecord)


def begin_record(path: Path | None, kind: type[Kind]) -> Kind:
    """An empty record, or what the same command has left on the same machine.

    Raises:
        UsageError: if the file holds anything else, which may have taken hours.
    """
    check_record(path)
    origin = made_here()
    if path is None or not path.exists():
        return kind(**origin, sets={}, results={})
    kept = read_record(path, kind)
    if (kept.command, kept.machine) != (origin["command"], origin["machine"]):
        raise UsageError(
            f"{path} was begun by another command or on another machine: `{kept.command}`; "
            "give that command, or another file"
        )
    return kept


def fill(
    record: QualityRecord,
    sets: Mapping[str, LabelledSet],
    *,
    methods: Sequence[str],
    seeds: Iterable[int],
) -> Iterator[str]:
    """Measures what the record lacks; tells each cell once it is in the record.

    Seeds go last, so that what is there is whole when it is stopped.
    """
    record.sets.update({name: describe(data) for name, data in sets.items()})
    for seed, (name, data), method in product(seeds, sets.items(), methods):
        done = record.results.setdefault(name, {}).setdefault(method, {})
        if seed in done or (done and method in SEEDLESS):
            continue
        done[seed] = measure(method, data, seed=seed)
        yield "{}, {}, seed {}: ACC {ACC:.3f}, {s:.1f} s".format(name, method, seed, **done[seed])


def describe(data: LabelledSet) -> dict[str, int]:
    """What a reader of the record has to know of a set."""
    (images, features), sizes = data.features.shape, np.bincount(data.labels[data.labels >= 0])
    return {
        "images": images, "features": features, "classes": data.n_classes,
        "least": int(sizes.min()), "largest": int(sizes.max()),
    }  # fmt: skip
