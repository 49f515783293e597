"""The comparison as Markdown."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from benchmarks.accuracy.comparison import Comparison, Line, departures
from benchmarks.accuracy.describe import (
    count_runs,
    describe_departures,
    describe_machine,
    describe_runs,
)
from benchmarks.accuracy.markdown import format_table
from benchmarks.accuracy.published import SCORES, ImageCounts, Score

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


def format_markdown(comparisons: Sequence[Comparison], images: Mapping[str, ImageCounts]) -> str:
    """Writes all datasets as one text.

    Args:
        comparisons: one for each dataset.
        images: published sizes by dataset.
    """
    records = [record for comparison in comparisons for record in comparison.used]
    machines = list(dict.fromkeys(map(describe_machine, records)))
    parts = ["# Accuracy beside the published figures\n"]
    if machines:
        text = f"Ours: {count_runs(records)} on {'; '.join(machines)}."
        parts.append(textwrap.fill(text, WIDTH) + "\n")
    parts.append(EXPLANATION)
    for comparison in comparisons:
        counts = images.get(comparison.dataset)
        parts += _section(comparison, counts, tells_machine=len(machines) > 1)
    return "\n".join(parts)


def _section(
    comparison: Comparison, counts: ImageCounts | None, *, tells_machine: bool
) -> Iterator[str]:
    sizes = (
        ""
        if counts is None
        else (
            f"{counts.classes:,} classes; {counts.train:,} images of train, {counts.val:,} of val. "
        )
    )
    yield f"## {comparison.dataset}\n\n{sizes}Scores are those of {comparison.split}.\n"
    if comparison.used:
        yield _list(_runs(comparison, tells_machine=tells_machine))
    yield _table(comparison)
    if remarks := list(_remarks(comparison)):
        yield _list(remarks)


def _list(texts: Iterable[str]) -> str:
    lines = (
        textwrap.fill(text, WIDTH, initial_indent="- ", subsequent_indent="  ") for text in texts
    )
    return "\n".join(lines) + "\n"


def _runs(comparison: Comparison, *, tells_machine: bool) -> Iterator[str]:
    """What our runs were, by objective."""
    for objective in dict.fromkeys(record.objective for record in comparison.used):
        runs = [record for record in comparison.used if record.objective == objective]
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


def _table(comparison: Comparison) -> str:
    """Published columns are there only where something is published."""
    if not any(line.published for line in comparison.lines):
        rows = [
            [_marked_name(line), *(_cell(line.ours.get(score)) for score in SCORES)]
            for line in comparison.lines
        ]
        return format_table(["", *map(str.upper, SCORES)], rows)
    headings = ["", "published with"]
    for score in SCORES:
        headings += [f"{score.upper()} ours", "publ.", "diff."]
    rows = [_cells(line) for line in comparison.lines]
    return format_table(headings, rows, n_left=2)


def _cells(line: Line) -> list[str]:
    published = {} if line.published is None else line.published.scores
    cells = [_marked_name(line), (line.published.backbone if line.published else None) or ""]
    for score in SCORES:
        difference = line.difference(score)
        text = "" if difference is None else f"{difference:+.2f}"
        cells += [_cell(line.ours.get(score)), _cell(published.get(score)), text]
    return cells


def _marked_name(line: Line) -> str:
    return _name(line) + (" †" if any(map(departures, line.records)) else "")


def _name(line: Line) -> str:
    if line.objective == "ucls" or line.part == "kmeans":
        return PARTS[line.part]
    return line.objective.upper()


def _cell(score: Score | None) -> str:
    if score is None:
        return ""
    return f"{score.mean:.{score.digits}f}" + ("" if score.std is None else f" ±{score.std:.2f}")
