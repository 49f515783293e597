"""A record as a page: ACC of all sets at a glance, then each set with its intervals."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from scipy.stats import t

from benchmarks.efforts import Figures
from benchmarks.machine import describe_machine
from benchmarks.quality.record import QualityRecord
from ucls.report.table import Table

SCORES = ("ACC", "class ACC", "NMI")
Runs = Mapping[int, Figures]


class Interval(NamedTuple):
    """The mean over seeds, and how far it may be off."""

    mean: float
    half: float | None
    """Half the 95 % interval of Student's t; None of one seed."""


def interval(values: Iterable[float]) -> Interval:
    """The mean and its interval."""
    found = np.array([*values])
    if len(found) == 1:
        return Interval(float(found[0]), None)
    error = found.std(ddof=1) / len(found) ** 0.5
    return Interval(float(found.mean()), float(t.ppf(0.975, len(found) - 1) * error))


def tables(record: QualityRecord) -> Iterator[Table]:
    """ACC of every method on every set, then a table for each set."""
    yield overview(record)
    for name, methods in record.results.items():
        rows = [[method, *_cells(runs)] for method, runs in methods.items() if runs]
        yield Table([name, *SCORES, "clusters", "s", "seeds"], rows)


def overview(record: QualityRecord) -> Table:
    """The mean ACC by method and set."""
    names = list(record.results)
    methods = dict.fromkeys(method for rows in record.results.values() for method in rows)
    rows = [
        [method, *(_mean(record.results[name].get(method)) for name in names)] for method in methods
    ]
    return Table(["ACC", *names], rows)


def quality_page(record: QualityRecord) -> str:
    """All tables as a page of Markdown, with what they were made by."""
    first, *others = tables(record)
    machine = describe_machine(record.machine)
    head = (
        f"# {record.title}\n\n"
        f"`{record.command}`, {record.measured[:10]}, on {machine}. Mean and 95 % interval "
        "(Student's t) over the seeds; what draws nothing ran once. `clusters` holds those that "
        "are not empty, of those asked for; `s` is the time from features to clusters.\n\n"
    )
    parts = (
        "\n{}: {images:,} images, {features:,} features, {classes} classes of {least:,} to "
        "{largest:,}.\n\n{}".format(name, table.markdown(), **record.sets[name])
        for name, table in zip(record.results, others, strict=True)
    )
    return head + first.markdown() + "".join(parts)


def _cells(runs: Runs) -> list[str]:
    clusters, wanted, seconds = (_means(runs, name) for name in ("clusters", "wanted", "s"))
    scores = [_score(interval(run[name] for run in runs.values())) for name in SCORES]
    return [*scores, f"{clusters:.3g} of {wanted:g}", f"{seconds:.1f}", f"{len(runs)}"]


def _score(found: Interval) -> str:
    return f"{found.mean:.3f}" + ("" if found.half is None else f" ± {found.half:.3f}")


def _means(runs: Runs, name: str) -> float:
    return float(np.mean([run[name] for run in runs.values()]))


def _mean(runs: Runs | None) -> str:
    return f"{_means(runs, 'ACC'):.3f}" if runs else ""
