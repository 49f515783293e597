"""Our records of a dataset beside its published rows."""

import statistics
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.accuracy.datasets import load_benchmark
from benchmarks.published import SCORES, Part, PublishedRow, Score, Scores
from benchmarks.records import read_record
from benchmarks.trials import Trial, changed_settings, missing_images, show_setting
from ucls.objectives.settings import OBJECTIVES

OWN_PARTS: tuple[Part, ...] = ("best_head", "best_run", "ensemble", "self_training")
METRICS = {"best_run": "best_head", "ensemble": "ensemble.chosen"}
"""Rows of ``metrics.json`` by what a line shows, where the names differ."""


@dataclass(frozen=True)
class Line:
    """A line of the table: our scores in percent, and the published row beside them, if any.

    ``objective`` is empty for k-means; ``trials`` are those that ours are made of.
    """

    objective: str
    part: Part | Literal["kmeans"]
    published: PublishedRow | None
    trials: tuple[Trial, ...]
    ours: Scores

    def difference(self, score: str) -> float | None:
        """Ours less the published score, in percentage points; None if one is not there."""
        published = {} if self.published is None else self.published.scores
        if score not in published or score not in self.ours:
            return None
        return self.ours[score].mean - published[score].mean


@dataclass(frozen=True)
class Comparison:
    """All lines of a dataset, and the records behind them.

    ``split`` is that of our scores; ``left_out`` are records that do not have the file's settings,
    where others do.
    """

    dataset: str
    split: str
    lines: tuple[Line, ...]
    used: tuple[Trial, ...]
    left_out: tuple[Trial, ...]

    @property
    def by_objective(self) -> list[list[Trial]]:
        """The records behind the lines."""
        names = dict.fromkeys(trial.objective for trial in self.used)
        return [[trial for trial in self.used if trial.objective == name] for name in names]


def read_trials(results_dir: Path, dataset: str) -> list[Trial]:
    """Reads all records of a dataset, by objective and seed.

    Raises:
        UsageError: if one is no such record.
    """
    paths = (results_dir / dataset).glob("*-seed*.json")
    trials = [read_record(path, Trial) for path in paths]
    return sorted(trials, key=lambda trial: (OBJECTIVES.index(trial.objective), trial.seed))


def compare(dataset: str, trials: Sequence[Trial], published: Sequence[PublishedRow]) -> Comparison:
    """Puts the means of our runs beside the published rows, in their order.

    The trials are of any objectives and seeds; k-means is that of the first objective's.
    """
    used = {one.objective: _to_use(trials, one.objective) for one in trials}
    split = "val" if all(trial.figures["val"] for trial in trials) else "train"
    lines = [_line("", "kmeans", None, next(iter(used.values()), ()), split)]
    for objective, part, row in _rows(published, used):
        lines.append(_line(objective, part, row, used.get(objective, ()), split))
    chosen = [trial for group in used.values() for trial in group]
    left_out = tuple(trial for trial in trials if trial not in chosen)
    return Comparison(dataset, split, tuple(lines), tuple(chosen), left_out)


def departures(trial: Trial) -> list[str]:
    """Tells how a run differs from what its file asks for: ``train.epochs = 1``."""
    benchmark = load_benchmark(trial.dataset)
    asked = benchmark.settings_for(trial.objective, {})
    changed = [
        f"{name} = {show_setting(trial.settings, name)}"
        for name in changed_settings(asked, trial.settings)
    ]
    return changed + missing_images(trial, benchmark.images)


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


def _to_use(trials: Sequence[Trial], objective: str) -> tuple[Trial, ...]:
    """The runs with the file's settings; all of them if none has these."""
    own = [trial for trial in trials if trial.objective == objective]
    return tuple([trial for trial in own if not departures(trial)] or own)


def _line(
    objective: str,
    part: Part | Literal["kmeans"],
    published: PublishedRow | None,
    trials: Sequence[Trial],
    split: str,
) -> Line:
    name = METRICS.get(part, part)
    measured = [trial for trial in trials if name in trial.figures[split]]
    if part == "best_run" and measured:
        measured = [max(measured, key=lambda trial: float(trial.figures[split][name]["acc"]))]
    rows = [trial.figures[split][name] for trial in measured]
    ours = {score: _mean([row[score] for row in rows]) for score in SCORES if rows}
    return Line(objective, part, published, tuple(measured), ours)


def _mean(values: Sequence[float]) -> Score:
    """Mean and sample standard deviation (n - 1) in percent; of one run there is none."""
    percent = [100 * value for value in values]
    std = statistics.stdev(percent) if len(percent) > 1 else None
    return Score(statistics.mean(percent), std)
