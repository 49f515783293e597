"""The comparison as Markdown and as CSV, and what became of a call as a table."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from benchmarks.accuracy.comparison import Comparison, Line, departures
from benchmarks.accuracy.describe import (
    count_runs,
    describe_departures,
    describe_features,
    describe_runs,
    describe_time,
)
from benchmarks.jobs import Outcome
from benchmarks.published import SCORES, ImageCounts, Score
from benchmarks.tables import Table
from benchmarks.trials import describe_machine

WIDTH = 100
PARTS = {
    "kmeans": "k-means",
    "best_head": "UCLS stage 1",
    "best_run": "UCLS stage 1, best seed",
    "ensemble": "UCLS ensemble",
    "self_training": "UCLS ensemble + self-training",
}
EXPLANATION = """\
Scores are in percent; diff. is ours less the published mean, in percentage points. Ours are
mean ± sample standard deviation (n - 1) over the seeds; the thesis does not say which deviation it
gives.

- k-means: of our features
- stage 1: the head with the lowest training loss; its best seed is the run with the highest ACC
- ensemble: the consensus of what the heads say of the images that are measured
- self-training: a classifier that has learnt the consensus of the training images
- TEMI, SCAN and others: the head with the lowest loss of that objective; ours sees our features
"""
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
    machines = list(dict.fromkeys(map(describe_machine, trials)))
    parts = ["# Accuracy beside the published figures\n"]
    if machines:
        text = f"Ours: {count_runs(trials)} on {'; '.join(machines)}."
        parts.append(textwrap.fill(text, WIDTH) + "\n")
    parts.append(EXPLANATION)
    for comparison in comparisons:
        counts = images.get(comparison.dataset)
        parts += _section(comparison, counts, tells_machine=len(machines) > 1)
    return "\n".join(parts)


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


def _section(
    comparison: Comparison, counts: ImageCounts | None, *, tells_machine: bool
) -> Iterator[str]:
    sizes = ""
    if counts is not None:
        sizes = f"{counts.classes:,} classes; {counts.train:,} images of train, "
        sizes += f"{counts.val:,} of val. "
    yield f"## {comparison.dataset}\n\n{sizes}Scores are those of {comparison.split}.\n"
    if comparison.used:
        yield _list(_runs(comparison, tells_machine=tells_machine))
    yield _table(comparison).markdown()
    if remarks := list(_remarks(comparison)):
        yield _list(remarks)


def _list(texts: Iterable[str]) -> str:
    indents = {"initial_indent": "- ", "subsequent_indent": "  "}
    return "".join(textwrap.fill(text, WIDTH, **indents) + "\n" for text in texts)


def _runs(comparison: Comparison, *, tells_machine: bool) -> Iterator[str]:
    """What our runs were, by objective."""
    for objective in dict.fromkeys(trial.objective for trial in comparison.used):
        runs = [trial for trial in comparison.used if trial.objective == objective]
        machines = f" on {'; '.join(dict.fromkeys(map(describe_machine, runs)))}"
        yield f"ours, {objective}: {describe_runs(runs)}{machines if tells_machine else ''}"


def _remarks(comparison: Comparison) -> Iterator[str]:
    """Our runs with other settings, and slips in what is published."""
    for text in describe_departures(comparison.used):
        yield f"† not the settings of the benchmark: {text}"
    for text in describe_departures(comparison.left_out):
        yield f"left out, as other runs have the settings of the benchmark: {text}"
    for line in comparison.lines:
        if line.published is not None and line.published.note:
            yield f"{_name(line)} ({line.published.source}): {line.published.note}"


def _table(comparison: Comparison) -> Table:
    """Published columns are there only where something is published."""
    is_published = any(line.published for line in comparison.lines)
    if not is_published:
        rows = [
            [_marked(line), *(_cell(line.ours.get(s)) for s in SCORES)] for line in comparison.lines
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
