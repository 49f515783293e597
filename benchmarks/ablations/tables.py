"""The tables of a study, cell by cell, as text."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmarks.ablations.plan import Results
from benchmarks.ablations.rows import COUNTS, NEIGHBORS, Figure, Row
from benchmarks.ablations.study import Part, Study
from benchmarks.published import SCORES
from benchmarks.tables import Table

PARTS: Mapping[Part, str] = {
    "best_head": "Best head",
    "heads": "Overall",
    "ensemble": "Ensemble †",
    "self_training": "Ensemble + self-training ‡",
}
HEADINGS = {
    "mean_count": "NN count",
    "accuracy_above": "NN ACC above (%)",
    "accuracy": "NN ACC of all (%)",
    "capped": "Sets cut (%)",
}
CSV_HEADINGS = (
    "source", "row", "label", "group", "figure", "mean", "spread", "runs", "published",
    "difference",
)  # fmt: skip
SCORE_HEADINGS = tuple(name.upper() for name in SCORES)


class Titled(NamedTuple):
    """A table and what it shows."""

    title: str
    table: Table


def tables_of(results: Results, rows: Sequence[Row]) -> list[Titled]:
    """The scores as the thesis has them, and what the rows differ in."""
    if not rows:
        return []
    tables = [scores_table(results.plan.study, rows)]
    # The values of a sweep say what its rows differ in.
    is_told = results.plan.study.setting or len(rows) < 2
    return tables if is_told else [*tables, settings_table(results, rows)]


def scores_table(study: Study, rows: Sequence[Row]) -> Titled:
    """A line for each row, with the scores of its parts side by side.

    Where a study adds up, best heads have the gain over the row above (6.9), other parts that over
    their best head (6.11), and the last line the gain of all rows.
    """
    headings = [study.heading]
    for part in study.parts:
        headings += [f"{PARTS[part]}: {SCORE_HEADINGS[0]}", *SCORE_HEADINGS[1:]]
    neighbors = NEIGHBORS if study.shows_neighbors else ()
    headings += [*(HEADINGS[name] for name in neighbors), "Training (s)"]
    lines = []
    for above, row in zip([None, *rows], rows, strict=False):
        cells = [row.label]
        for part in study.parts:
            since = (above if part == "best_head" else row) if study.has_gains else None
            cells += score_cells(row, part, since=since)
        for name in neighbors:
            cells.append(cell(row.get("neighbors", name), digits=1 if name in COUNTS else 2))
        lines.append([*cells, cell(row.get("train", "seconds"), digits=1)])
    if study.has_gains and len(rows) > 1:
        gains = [f"{gain(rows[-1], 'best_head', name, rows[0]):+.2f}" for name in SCORES]
        lines.append(["Δ", *gains, *[""] * (len(headings) - len(gains) - 1)])
    told = ", with the gain over the row above, or over the best head" if study.has_gains else ""
    return Titled(f"Scores{told}", Table(headings, lines))


def settings_table(results: Results, rows: Sequence[Row]) -> Titled:
    """The settings that rows differ in."""
    of_row = {trial.row: trial.resolved for trial in reversed(results.trials)}
    settings = [of_row[row.key] for row in rows]
    names = dict.fromkeys(name for one in settings for name in one)
    differing = [name for name in names if len({str(one.get(name)) for one in settings}) > 1]
    lines = [
        [row.label, *(str(one.get(name, "-")) for name in differing)]
        for row, one in zip(rows, settings, strict=True)
    ]
    headings = [results.plan.study.heading, *differing]
    return Titled("What the rows differ in", Table(headings, lines))


def csv_table(results: Results, rows: Sequence[Row]) -> Table:
    """A line for each figure."""
    return Table(CSV_HEADINGS, list(_csv_lines(results.title, rows)))


def score_cells(row: Row, part: Part, *, since: Row | None = None) -> list[str]:
    """The scores of a part, each with the gain over the best head of a row, if one is given."""
    cells = []
    for name in SCORES:
        figure = row.get(part, name)
        change = "" if since is None or figure is None else arrow(gain(row, part, name, since))
        cells.append(f"{cell(figure)} {change}".strip())
    return cells


def gain(row: Row, part: Part, name: str, since: Row) -> float:
    """By how many points a mean score is above that of the best head of a row."""
    return row.figures[part, name].mean - since.figures["best_head", name].mean


def cell(figure: Figure | None, *, digits: int = 2) -> str:
    """Mean and standard deviation; in brackets the published figure and the difference to it."""
    if figure is None:
        return "-"
    text = f"{figure.mean:,.{digits}f}"
    if figure.spread is not None:
        text += f" ± {figure.spread:,.{digits}f}"
    if figure.published is not None:
        difference = figure.mean - figure.published
        text += f" ({figure.published:,.{digits}f}, {difference:+,.{digits}f})"
    return text


def arrow(change: float) -> str:
    """A gain as the thesis writes it: ↑ 0.83."""
    if round(change, 2) == 0:
        return "="
    return f"{'↑' if change > 0 else '↓'} {abs(change):.2f}"


def _csv_lines(source: str, rows: Sequence[Row]) -> Iterator[list[str]]:
    for row in rows:
        for (group, name), (mean, spread, n_runs, published) in row.figures.items():
            difference = None if published is None else mean - published
            numbers = [mean, spread, n_runs, published, difference]
            texts = ["" if number is None else str(round(number, 4)) for number in numbers]
            yield [source, row.key, row.label, group, name, *texts]
