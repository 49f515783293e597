"""The rows of a study: each figure over its runs, beside the thesis's own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks.ablations.record import Record
from benchmarks.ablations.study import Study
from benchmarks.accuracy.published import SCORES, Ablation, load_published

NEIGHBORS = ("mean_count", "accuracy_above", "accuracy", "capped")
"""Figures of the neighbours in tables; those in ``COUNTS`` are no shares."""
COUNTS = ("mean_count",)

Group = str
"""What a figure is of: a part of a study, ``neighbors``, or ``train`` (its seconds)."""
Published = Mapping[tuple[str, Group, str], float]
"""The thesis's figures, in percent, by row, group and name."""


class Figure(NamedTuple):
    """A figure over the runs of a row; scores and shares in percent."""

    mean: float
    spread: float | None
    """Standard deviation over runs; of ``heads`` over the heads of a run. None: a single run."""
    n: int
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


def published_table(study: Study, record: Record) -> Ablation | None:
    """The thesis's table, if it is of the images of a record."""
    table = load_published().ablations[study.published]
    is_dataset = record.source["kind"] == "dataset" and record.simulated is None
    datasets = {row.dataset for row in table.rows}
    return table if is_dataset and record.source["name"] in datasets else None


def published_figures(study: Study, record: Record) -> Published:
    """The thesis's figures of the images of a record; empty if it has none of them."""
    table = published_table(study, record)
    if table is None:
        return {}
    figures: dict[tuple[str, Group, str], float] = {}
    dataset = record.source["name"]
    for variant in study.variants:
        for part in study.parts:
            scores = table.scores(variant.name, part, dataset=dataset, objective=variant.objective)
            figures |= {(variant.key, part, name): one.mean for name, one in scores.items()}
    for of_one in table.neighbors:
        key = f"{of_one.threshold:.1f}"
        figures[key, "neighbors", "mean_count"] = of_one.mean_count
        if of_one.accuracy is not None:
            figures[key, "neighbors", "accuracy_above"] = of_one.accuracy
    return figures


def rows_of(study: Study, record: Record) -> list[Row]:
    """Puts the runs of each row together, with the thesis's figures if they are of these images.

    Args:
        study: whose record it is.
        record: the runs.

    Returns:
        A row for each that has runs with figures.
    """
    published = published_figures(study, record)
    rows = []
    for key, label in record.rows.items():
        runs = [entry.figures for entry in record.finished if entry.variant == key]
        if not runs:
            continue
        figures = dict(_figures(study, [run for run in runs if run is not None]))
        seconds = [e.seconds["train"] for e in record.finished if e.variant == key]
        figures["train", "seconds"] = over_runs(seconds)
        beside = {
            (group, name): figure._replace(published=published.get((key, group, name)))
            for (group, name), figure in figures.items()
        }
        rows.append(Row(key, label_of(label, key, record), beside))
    return rows


def _figures(
    study: Study, runs: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[tuple[Group, str], Figure]]:
    for part in study.parts:
        found = [run[part] for run in runs if run.get(part) is not None]
        for name in SCORES if found else ():
            yield (part, name), _score(found, name, over_heads=part == "heads")
    for name in NEIGHBORS:
        factor = 1 if name in COUNTS else 100
        values = [run["neighbors"][name] for run in runs]
        known = [factor * value for value in values if value is not None]
        if known:
            figure = over_runs(known)
            # The same neighbours for all seeds have no deviation.
            yield ("neighbors", name), figure._replace(spread=figure.spread or None)


def _score(runs: Sequence[Mapping[str, float]], name: str, *, over_heads: bool) -> Figure:
    if not over_heads:
        return over_runs([100 * run[name] for run in runs])
    mean, spread = (
        100 * float(np.mean([run[f"{name}_{how}"] for run in runs])) for how in ("mean", "std")
    )
    return Figure(mean, spread, len(runs))


def over_runs(values: Sequence[float]) -> Figure:
    """Mean and standard deviation of a figure; one value has no deviation."""
    spread = float(np.std(values)) if len(values) > 1 else None
    return Figure(float(np.mean(values)), spread, len(values))


def label_of(label: str, key: str, record: Record) -> str:
    """The label of a row, with the neighbours' threshold that it was run with.

    ``typical`` is followed by the similarity that it came to.
    """
    settings = record.settings.get(key)
    if settings is None:
        return label.format(threshold="not run")
    asked = settings["neighbors.threshold"]
    runs = [entry.figures for entry in record.finished if entry.variant == key]
    found = runs[0]["neighbors"]["threshold"] if runs and runs[0] else asked
    text = f"{found:g}" if asked != "typical" else f"typical, {found:.3f}"
    return label.format(threshold=text)
