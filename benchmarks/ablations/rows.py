"""The rows of a study: each figure over its runs, beside the thesis's own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from benchmarks.ablations.plan import Plan
from benchmarks.ablations.study import Variant
from benchmarks.jobs import Outcome
from benchmarks.published import SCORES, Ablation, load_published
from benchmarks.trials import Trial

PARTS = {
    "best_head": "Best head",
    "heads": "Overall",
    "ensemble": "Ensemble †",
    "self_training": "Ensemble + self-training ‡",
}
NEIGHBORS = {
    "mean_count": "NN count",
    "accuracy_above": "NN ACC above (%)",
    "accuracy": "NN ACC of all (%)",
    "capped": "Sets cut (%)",
}

Of = tuple[str, str]  # a part of a study, "neighbors" or "train"; and the name of a figure of it


class Figure(NamedTuple):
    """A figure over runs; ``spread`` is their standard deviation, of ``heads`` that of heads."""

    mean: float
    spread: float | None = None
    published: float | None = None


class Row(NamedTuple):
    """A row of a study; scores and shares are in percent."""

    key: str
    label: str
    figures: Mapping[Of, Figure]


@dataclass(frozen=True)
class Results:
    """What the runs of a plan came to."""

    plan: Plan
    outcomes: Sequence[Outcome]

    @property
    def trials(self) -> list[Trial]:
        """The runs with figures."""
        return [outcome.trial for outcome in self.outcomes if outcome.trial is not None]

    @property
    def split(self) -> str:
        """``val`` where its images are labelled, as in the thesis; else ``train``."""
        val = self.trials[0].figures["val"]
        return "val" if val is not None and "acc" in val["best_head"] else "train"

    @property
    def published(self) -> Ablation | None:
        """The thesis's table, if it is of these images."""
        table, source = load_published().ablations[self.plan.study.published], self.plan.source
        datasets = {row.dataset or table.dataset for row in table.rows}
        return table if source.kind == "dataset" and source.name in datasets else None

    def rows(self) -> list[Row]:
        """Puts the runs of each row together, with the thesis's figures if these are of them."""
        rows = []
        for variant in self.plan.study.variants:
            trials = [trial for trial in self.trials if trial.row == variant.key]
            if trials:
                published = dict(self._published_figures(variant))
                figures = {
                    of: figure._replace(published=published.get(of))
                    for of, figure in self._figures(trials)
                }
                rows.append(Row(variant.key, _label(variant, trials[0]), figures))
        return rows

    def _figures(self, trials: Sequence[Trial]) -> Iterator[tuple[Of, Figure]]:
        measured = [trial.figures[self.split] for trial in trials]
        for part in self.plan.study.parts:
            name = f"{part}.chosen" if part == "ensemble" else part
            found = [one[name] for one in measured if name in one]
            for score in SCORES if found else ():
                if part == "heads":
                    mean, spread = (
                        100 * float(np.mean([one[f"{score}_{how}"] for one in found]))
                        for how in ("mean", "std")
                    )
                    yield (part, score), Figure(mean, spread)
                else:
                    yield (part, score), over_runs([100 * one[score] for one in found])
        for figure in NEIGHBORS:
            factor = 1 if figure == "mean_count" else 100
            values = [(trial.neighbors or {})[figure] for trial in trials]
            if known := [factor * value for value in values if value is not None]:
                yield ("neighbors", figure), over_runs(known)
        seconds = [trial.stages["train"]["seconds"] for trial in trials]
        yield ("train", "seconds"), over_runs(seconds)

    def _published_figures(self, variant: Variant) -> Iterator[tuple[Of, float | None]]:
        table = self.published
        if table is None:
            return
        where = {"dataset": self.plan.source.name, "objective": variant.objective}
        for part in self.plan.study.parts:
            for name, score in table.scores(variant.name or variant.key, part, **where).items():
                yield (part, name), score.mean
        for of_one in table.neighbors:
            if f"{of_one.threshold:.1f}" == variant.key:
                yield ("neighbors", "mean_count"), of_one.mean_count
                yield ("neighbors", "accuracy_above"), of_one.accuracy


def over_runs(values: Sequence[float]) -> Figure:
    """Mean and standard deviation of a figure; one value has no deviation."""
    return Figure(float(np.mean(values)), float(np.std(values)) if len(values) > 1 else None)


def _label(variant: Variant, trial: Trial) -> str:
    """The label with the neighbours' threshold; what ``typical`` came to is told too."""
    found, asked = (trial.neighbors or {})["threshold"], trial.resolved["neighbors.threshold"]
    return variant.label.format(threshold="typical, " * (asked == "typical") + f"{found:.3g}")
