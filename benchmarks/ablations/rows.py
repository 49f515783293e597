"""The rows of a study: each figure over its runs, beside the thesis's own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.ablations.plan import Results
from benchmarks.ablations.study import Variant
from benchmarks.published import SCORES
from benchmarks.trials import Trial

IN_METRICS = {"ensemble": "ensemble.chosen"}
"""Parts that ``metrics.json`` calls something else."""
NEIGHBORS = ("mean_count", "accuracy_above", "accuracy", "capped")
"""Figures of the neighbours in tables; those in ``COUNTS`` are no shares."""
COUNTS = ("mean_count",)

Group = str
"""What a figure is of: a part of a study, ``neighbors``, or ``train`` (its seconds)."""


class Figure(NamedTuple):
    """A figure over the runs of a row; scores and shares in percent."""

    mean: float
    spread: float | None
    """Standard deviation over runs; of ``heads`` over the heads of a run. None: a single run."""
    n_runs: int
    """Runs."""
    published: float | None = None


class Row(NamedTuple):
    """A row of a study."""

    key: str
    label: str
    figures: Mapping[tuple[Group, str], Figure]
    """By group and name; without those that no run has."""

    def get(self, group: Group, name: str) -> Figure | None:
        """A figure, or None where no run has it."""
        return self.figures.get((group, name))


def rows_of(results: Results) -> list[Row]:
    """Puts the runs of each row together, with the thesis's figures if they are of these images."""
    rows = []
    for variant in results.plan.study.variants:
        trials = [trial for trial in results.trials if trial.row == variant.key]
        if trials:
            published = dict(_published(results, variant))
            figures = {
                of: figure._replace(published=published.get(of))
                for of, figure in _figures(results, trials)
            }
            rows.append(Row(variant.key, _label(variant, trials[0]), figures))
    return rows


def over_runs(values: Sequence[float]) -> Figure:
    """Mean and standard deviation of a figure; one value has no deviation."""
    spread = float(np.std(values)) if len(values) > 1 else None
    return Figure(float(np.mean(values)), spread, len(values))


def _figures(
    results: Results, trials: Sequence[Trial]
) -> Iterator[tuple[tuple[Group, str], Figure]]:
    for part in results.plan.study.parts:
        measured = [trial.figures[results.split] for trial in trials]
        found = [one[name] for one in measured if (name := IN_METRICS.get(part, part)) in one]
        for name in SCORES if found else ():
            yield (part, name), _score(found, name, over_heads=part == "heads")
    for name in NEIGHBORS:
        factor = 1 if name in COUNTS else 100
        values = [(trial.neighbors or {})[name] for trial in trials]
        if known := [factor * value for value in values if value is not None]:
            figure = over_runs(known)
            # The same neighbours for all seeds have no deviation.
            yield ("neighbors", name), figure._replace(spread=figure.spread or None)
    yield ("train", "seconds"), over_runs([trial.stages["train"]["seconds"] for trial in trials])


def _score(runs: Sequence[Mapping[str, float]], name: str, *, over_heads: bool) -> Figure:
    if not over_heads:
        return over_runs([100 * run[name] for run in runs])
    mean, spread = (
        100 * float(np.mean([run[f"{name}_{how}"] for run in runs])) for how in ("mean", "std")
    )
    return Figure(mean, spread, len(runs))


def _published(
    results: Results, variant: Variant
) -> Iterator[tuple[tuple[Group, str], float | None]]:
    """The thesis's figures of a row in percent; none if they are not of these images."""
    table = results.published
    if table is None:
        return
    where = {"dataset": results.plan.source.name, "objective": variant.objective}
    for part in results.plan.study.parts:
        for name, score in table.scores(variant.name or variant.key, part, **where).items():
            yield (part, name), score.mean
    for of_one in table.neighbors:
        if f"{of_one.threshold:.1f}" == variant.key:
            yield ("neighbors", "mean_count"), of_one.mean_count
            yield ("neighbors", "accuracy_above"), of_one.accuracy


def _label(variant: Variant, trial: Trial) -> str:
    """The label with the neighbours' threshold; what ``typical`` came to is told too."""
    found, asked = (trial.neighbors or {})["threshold"], trial.resolved["neighbors.threshold"]
    text = f"typical, {found:.3f}" if asked == "typical" else f"{found:g}"
    return variant.label.format(threshold=text)
