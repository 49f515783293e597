"""Our records of a dataset beside its published rows."""

import statistics
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.accuracy.datasets import load_benchmark
from benchmarks.published import SCORES, Part, PublishedRow, Score, Scores
from benchmarks.records import read_record
from benchmarks.trials import Trial, departures
from ucls.settings.objectives import objective_names

Trials = tuple[Trial, ...]

OWN_PARTS: tuple[Part, ...] = ("best_head", "best_run", "ensemble", "self_training")
METRICS = {"best_run": "best_head", "ensemble": "ensemble.chosen"}  # names in metrics.json


@dataclass(frozen=True)
class Line:
    """A published row, without scores where nothing is published, and ours of some runs."""

    published: PublishedRow
    trials: Trials
    ours: Scores

    def difference(self, score: str) -> float | None:
        """Ours less the published score, in percentage points; None if one is not there."""
        theirs = self.published.scores
        if score not in theirs or score not in self.ours:
            return None
        return self.ours[score].mean - theirs[score].mean


@dataclass(frozen=True)
class Comparison:
    """All lines of a dataset, and the records behind them by objective.

    ``left_out`` are records that do not have the file's settings, where others do.
    """

    dataset: str
    split: str
    lines: tuple[Line, ...]
    used: Mapping[str, Trials]
    left_out: Trials


def read_trials(results_dir: Path, dataset: str) -> list[Trial]:
    """Reads all records of a dataset, by objective and seed."""
    paths = (results_dir / dataset).glob("*-seed*.json")
    trials = [read_record(path, Trial) for path in paths]
    return sorted(trials, key=lambda trial: (objective_names().index(trial.objective), trial.seed))


def compare(dataset: str, trials: Sequence[Trial], published: Sequence[PublishedRow]) -> Comparison:
    """Puts the means of our runs beside the published rows; k-means is the first objective's."""
    used = {one.objective: _to_use(trials, one.objective) for one in trials}
    split = "val" if all(trial.figures["val"] for trial in trials) else "train"
    kmeans = _line(PublishedRow("kmeans", ""), next(iter(used.values()), ()), split)
    rows = [*published, *_unpublished(set(used) - {row.objective for row in published})]
    lines = [_line(row, used.get(row.objective, ()), split) for row in rows]
    left_out = tuple(trial for trial in trials if trial not in used[trial.objective])
    return Comparison(dataset, split, (kmeans, *lines), used, left_out)


def file_departures(trial: Trial) -> list[str]:
    """How a run differs from what its dataset's file asks for."""
    benchmark = load_benchmark(trial.dataset)
    return departures(trial, benchmark.settings_for(trial.objective, {}), benchmark.images)


def _unpublished(objectives: Collection[str]) -> Iterator[PublishedRow]:
    for objective in sorted(objectives, key=objective_names().index):
        for part in OWN_PARTS if objective == "ucls" else OWN_PARTS[:1]:
            yield PublishedRow(part, objective)


def _to_use(trials: Sequence[Trial], objective: str) -> Trials:
    """The runs with the file's settings; all of them if none has these."""
    own = [trial for trial in trials if trial.objective == objective]
    return tuple([trial for trial in own if not file_departures(trial)] or own)


def _line(row: PublishedRow, trials: Trials, split: str) -> Line:
    name = METRICS.get(row.part, row.part)
    measured = [trial for trial in trials if name in trial.figures[split]]
    if row.part == "best_run" and measured:
        measured = [max(measured, key=lambda trial: float(trial.figures[split][name]["acc"]))]
    found = [trial.figures[split][name] for trial in measured]
    ours = {score: _mean([one[score] for one in found]) for score in SCORES if found}
    return Line(row, tuple(measured), ours)


def _mean(values: Sequence[float]) -> Score:
    """Mean and sample standard deviation (n - 1) in percent; of one run there is none."""
    percent = [100 * value for value in values]
    std = statistics.stdev(percent) if len(percent) > 1 else None
    return Score(statistics.mean(percent), std)
