"""The comparison as Markdown and as CSV, and what became of a call as a table."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

from benchmarks.accuracy.comparison import Comparison, Line, file_departures
from benchmarks.jobs import Outcome
from benchmarks.pages import render_page
from benchmarks.published import SCORES
from benchmarks.trials import Trial, describe_machines
from ucls.datasets import DATASETS
from ucls.report.table import Table

PAGE = Path(__file__).with_name("page.md.jinja")
PARTS = {
    "kmeans": "k-means",
    "best_head": "UCLS stage 1",
    "best_run": "UCLS stage 1, best seed",
    "ensemble": "UCLS ensemble",
    "self_training": "UCLS ensemble + self-training",
}
CSV_HEADINGS = (
    "dataset", "split", "objective", "part", "score",
    "ours", "ours_std", "seeds", "features", "departures",
    "published", "published_std", "published_backbone", "source", "difference",
)  # fmt: skip
SHOWN = ("kmeans", "best_head", "ensemble.chosen", "self_training")  # rows of metrics.json


def as_markdown(comparisons: Sequence[Comparison]) -> str:
    """Writes all datasets as one text."""
    tools = {"describe_runs": describe_runs, "table_of": comparison_table, "remarks_of": remarks}
    return render_page(PAGE, comparisons=comparisons, datasets=DATASETS, **tools)


def as_csv(comparisons: Iterable[Comparison]) -> Table:
    """A row for every line and score; what is not known is empty."""
    rows = [
        [comparison.dataset, comparison.split, *_csv_cells(line, score)]
        for comparison in comparisons
        for line in comparison.lines
        for score in SCORES
    ]
    return Table(CSV_HEADINGS, rows)


def summary(outcomes: Iterable[Outcome]) -> Table:
    """What ran, was skipped and failed, with the ACC in percent of what has figures."""
    rows = []
    for outcome in outcomes:
        figures = outcome.trial.figures if outcome.trial else {"val": {}, "train": {}}
        scored = figures["val"] or figures["train"]
        found = [scored.get(name, {}).get("acc") for name in SHOWN]
        accuracies = ["" if value is None else f"{100 * value:.2f}" for value in found]
        time = str(timedelta(seconds=round(outcome.seconds)))
        rows.append([outcome.title, outcome.result, time, *accuracies, outcome.reason])
    return Table(["ACC on val, else train", "result", "time", *SHOWN, ""], rows, n_left=2)


def comparison_table(comparison: Comparison) -> Table:
    """A line each; columns that would be empty are left out."""
    headings = ["", "published with"]
    for score in SCORES:
        headings += [score.upper(), "publ.", "diff."]
    columns = zip(headings, *map(_cells, comparison.lines), strict=True)
    shown, *rows = zip(*(column for column in columns if any(column[1:])), strict=True)
    return Table(shown, rows, n_left=2 if "published with" in shown else 1)


def describe_runs(trials: Sequence[Trial]) -> str:
    """Seeds, features, mean time and machines."""
    mean = timedelta(seconds=round(sum(trial.seconds for trial in trials) / len(trials)))
    seeds, machines = ", ".join(str(trial.seed) for trial in trials), describe_machines(trials)
    return f"seeds {seeds}; {describe_features(trials)}; {mean} each on {'; '.join(machines)}"


def describe_features(trials: Sequence[Trial]) -> str:
    """Backbones and tokens that runs saw: ``dinov2_vitl14_reg4 cls+patch``."""
    seen = {
        f"{' + '.join(trial.figures['backbones'])} {trial.resolved['features']}" for trial in trials
    }
    return " or ".join(sorted(seen))


def describe_departures(trials: Sequence[Trial]) -> list[str]:
    """Where runs do not have their file's settings."""
    return [
        f"{trial.objective}, seed {trial.seed}: {', '.join(changes)}"
        for trial in trials
        if (changes := file_departures(trial))
    ]


def remarks(comparison: Comparison) -> list[str]:
    """Our runs with other settings, and slips in what is published."""
    used = [trial for trials in comparison.used.values() for trial in trials]
    changed, other = map(describe_departures, (used, comparison.left_out))
    notes = [(_name(line), line.published) for line in comparison.lines]
    return [
        *(f"† not the settings of the benchmark: {text}" for text in changed),
        *(f"left out, as other runs have the settings of the benchmark: {text}" for text in other),
        *(f"{name} ({row.source}): {row.note}" for name, row in notes if row.note),
    ]


def _name(line: Line) -> str:
    row = line.published
    return PARTS[row.part] if row.objective in ("", "ucls") else row.objective.upper()


def _cells(line: Line) -> list[str]:
    mark = " †" if any(map(file_departures, line.trials)) else ""
    cells = [_name(line) + mark, line.published.backbone or ""]
    for name in SCORES:
        for score in (line.ours.get(name), line.published.scores.get(name)):
            std = "" if score is None or score.std is None else f" ±{score.std:.2f}"
            cells.append("" if score is None else f"{score.mean:.{score.digits}f}{std}")
        difference = line.difference(name)
        cells.append("" if difference is None else f"{difference:+.2f}")
    return cells


def _csv_cells(line: Line, name: str) -> list[str]:
    row, nothing = line.published, (None, None)
    cells = [
        row.objective,
        row.part,
        name,
        *line.ours.get(name, nothing)[:2],
        " ".join(str(trial.seed) for trial in line.trials),
        describe_features(line.trials),
        "; ".join(describe_departures(line.trials)),
        *row.scores.get(name, nothing)[:2],
        row.backbone or "",
        row.source,
        line.difference(name),
    ]
    numbers = {None: ""} | {cell: str(round(cell, 3)) for cell in cells if isinstance(cell, float)}
    return [numbers.get(cell, cell) for cell in cells]
