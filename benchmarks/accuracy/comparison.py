"""Our records of a dataset beside its published rows."""

import statistics
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.accuracy.benchmark import load_benchmark
from benchmarks.accuracy.published import SCORES, Part, PublishedRow, Score, Scores
from benchmarks.accuracy.records import (
    Record,
    changed_settings,
    missing_images,
    show_setting,
)

OWN_PARTS: tuple[Part, ...] = ("best_head", "best_run", "ensemble", "self_training")
METRICS = {
    "kmeans": "kmeans",
    "best_head": "best_head",
    "best_run": "best_head",
    "ensemble": "ensemble.chosen",
    "self_training": "self_training",
}
"""Rows of ``metrics.json`` by what a line shows."""


@dataclass(frozen=True)
class Line:
    """A line of the table.

    Attributes:
        objective: what was trained; empty for k-means.
        part: what of the runs is measured.
        published: the row beside it; None if there is none.
        records: ours that it is made of.
        ours: our scores, in percent.
    """

    objective: str
    part: Part | Literal["kmeans"]
    published: PublishedRow | None
    records: tuple[Record, ...]
    ours: Scores

    def difference(self, score: str) -> float | None:
        """Ours less the published score, in percentage points; None if one is not there."""
        published = {} if self.published is None else self.published.scores
        if score not in published or score not in self.ours:
            return None
        return self.ours[score].mean - published[score].mean


@dataclass(frozen=True)
class Comparison:
    """All lines of a dataset.

    Attributes:
        dataset: its name.
        split: of our scores.
        lines: in order.
        used: the records behind them.
        left_out: records that do not have the file's settings, where others do.
    """

    dataset: str
    split: str
    lines: tuple[Line, ...]
    used: tuple[Record, ...]
    left_out: tuple[Record, ...]


def compare(
    dataset: str, records: Sequence[Record], published: Sequence[PublishedRow]
) -> Comparison:
    """Puts the means of our runs beside the published rows.

    Args:
        dataset: its name.
        records: ours, of any objectives and seeds; k-means is that of the first objective's.
        published: rows in the order to show them in.
    """
    objectives = dict.fromkeys(record.objective for record in records)
    used = {objective: _to_use(records, objective) for objective in objectives}
    split = "val" if all(record.figures["val"] for record in records) else "train"
    lines = [_line("", "kmeans", None, next(iter(used.values()), ()), split)]
    for objective, part, row in _rows(published, used):
        lines.append(_line(objective, part, row, used.get(objective, ()), split))
    chosen = tuple(record for group in used.values() for record in group)
    return Comparison(
        dataset,
        split,
        tuple(lines),
        used=tuple(record for record in records if record in chosen),
        left_out=tuple(record for record in records if record not in chosen),
    )


def departures(record: Record) -> list[str]:
    """Tells how a run differs from what its file asks for: ``train.epochs = 1``."""
    asked = load_benchmark(record.dataset).settings_for(record.objective, {})
    changed = [
        f"{name} = {show_setting(record.settings, name)}"
        for name in changed_settings(asked, record.settings)
    ]
    return changed + missing_images(record)


def _rows(
    published: Sequence[PublishedRow], used: Collection[str]
) -> Iterator[tuple[str, Part, PublishedRow | None]]:
    """The published rows, and rows for what of ours has none."""
    for row in published:
        yield row.objective, row.part, row
    for objective in used:
        if objective not in {row.objective for row in published}:
            for part in OWN_PARTS if objective == "ucls" else OWN_PARTS[:1]:
                yield objective, part, None


def _to_use(records: Sequence[Record], objective: str) -> tuple[Record, ...]:
    """The runs with the file's settings; all of them if none has these."""
    own = [record for record in records if record.objective == objective]
    return tuple([record for record in own if not departures(record)] or own)


def _line(
    objective: str,
    part: Part | Literal["kmeans"],
    published: PublishedRow | None,
    records: Sequence[Record],
    split: str,
) -> Line:
    name = METRICS[part]
    measured = [record for record in records if name in record.figures[split]]
    if part == "best_run" and measured:
        measured = [max(measured, key=lambda record: _scores(record, split, name)["acc"])]
    by_run = [_scores(record, split, name) for record in measured]
    ours = {score: _mean([scores[score] for scores in by_run]) for score in SCORES if by_run}
    return Line(objective, part, published, tuple(measured), ours)


def _scores(record: Record, split: str, name: str) -> Mapping[str, float]:
    scores: Mapping[str, float] = record.figures[split][name]
    return scores


def _mean(values: Sequence[float]) -> Score:
    """Mean and sample standard deviation (n - 1) in percent; of one run there is none."""
    percent = [100 * value for value in values]
    std = statistics.stdev(percent) if len(percent) > 1 else None
    return Score(statistics.mean(percent), std)
