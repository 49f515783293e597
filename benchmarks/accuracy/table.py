"""The comparison as Markdown and as CSV, and what became of a call as a table."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.accuracy.comparison import Comparison, Line, departures
from benchmarks.accuracy.describe import (
    count_runs,
    describe_departures,
    describe_features,
    describe_runs,
    describe_time,
)
from benchmarks.jobs import Outcome
from benchmarks.pages import render_page
from benchmarks.published import SCORES, ImageCounts, Score
from benchmarks.tables import Table
from benchmarks.trials import Trial, describe_machine

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
SHOWN = {
    "k-means": "kmeans",
    "best head": "best_head",
    "ensemble": "ensemble.chosen",
    "self-train": "self_training",
}
"""Rows of ``metrics.json`` in the table of a call."""


def as_markdown(comparisons: Sequence[Comparison], images: Mapping[str, ImageCounts]) -> str:
    """Writes all datasets as one text, with the published sizes of those that have any."""
    trials = [trial for comparison in comparisons for trial in comparison.used]
    return render_page(
        PAGE,
        comparisons=comparisons,
        images=images,
        runs=count_runs(trials),
        machines=_machines(trials),
        machines_of=_machines,
        describe_runs=describe_runs,
        table_of=_table,
        remarks_of=_remarks,
    )


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
        found = [scored.get(name, {}).get("acc") for name in SHOWN.values()]
        accuracies = ["" if value is None else f"{100 * value:.2f}" for value in found]
        time = describe_time(outcome.seconds) if outcome.result == "ran" else ""
        rows.append([outcome.title, outcome.result, time, *accuracies])
    return Table(["ACC on val, else train", "result", "time", *SHOWN], rows, n_left=2)


def _machines(trials: Sequence[Trial]) -> list[str]:
    return list(dict.fromkeys(map(describe_machine, trials)))


def _remarks(comparison: Comparison) -> list[str]:
    """Our runs with other settings, and slips in what is published."""
    changed, other = map(describe_departures, (comparison.used, comparison.left_out))
    notes = [(line, line.published) for line in comparison.lines if line.published]
    return [
        *(f"† not the settings of the benchmark: {text}" for text in changed),
        *(f"left out, as other runs have the settings of the benchmark: {text}" for text in other),
        *(f"{_name(line)} ({row.source}): {row.note}" for line, row in notes if row.note),
    ]


def _table(comparison: Comparison) -> Table:
    """Published columns are there only where something is published."""
    is_published = any(line.published for line in comparison.lines)
    if not is_published:
        rows = [
            [_marked(line), *(_cell(line.ours.get(score)) for score in SCORES)]
            for line in comparison.lines
        ]
        return Table(["", *map(str.upper, SCORES)], rows)
    headings = ["", "published with"]
    for score in SCORES:
        headings += [f"{score.upper()} ours", "publ.", "diff."]
    return Table(headings, [_cells(line) for line in comparison.lines], n_left=2)


def _cells(line: Line) -> list[str]:
    published = {} if line.published is None else line.published.scores
    cells = [_marked(line), (line.published.backbone if line.published else None) or ""]
    for score in SCORES:
        difference = line.difference(score)
        text = "" if difference is None else f"{difference:+.2f}"
        cells += [_cell(line.ours.get(score)), _cell(published.get(score)), text]
    return cells


def _marked(line: Line) -> str:
    return _name(line) + (" †" if any(map(departures, line.trials)) else "")


def _name(line: Line) -> str:
    if line.objective == "ucls" or line.part == "kmeans":
        return PARTS[line.part]
    return line.objective.upper()


def _cell(score: Score | None) -> str:
    if score is None:
        return ""
    return f"{score.mean:.{score.digits}f}" + ("" if score.std is None else f" ±{score.std:.2f}")


def _csv_cells(line: Line, score: str) -> list[str]:
    published = line.published
    theirs = None if published is None else published.scores.get(score)
    return [
        line.objective,
        line.part,
        score,
        *_numbers(line.ours.get(score)),
        " ".join(str(trial.seed) for trial in line.trials),
        describe_features(line.trials),
        "; ".join(describe_departures(line.trials)),
        *_numbers(theirs),
        (published.backbone if published else None) or "",
        published.source if published else "",
        _number(line.difference(score)),
    ]


def _numbers(score: Score | None) -> tuple[str, str]:
    return ("", "") if score is None else (_number(score.mean), _number(score.std))


def _number(value: float | None) -> str:
    return "" if value is None else str(round(value, 3))
