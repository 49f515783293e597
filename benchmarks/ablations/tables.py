"""The tables of a study, cell by cell, as text."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.ablations.record import Record
from benchmarks.ablations.rows import COUNTS, NEIGHBORS, Figure, Row
from benchmarks.ablations.study import Part, Study
from benchmarks.accuracy.published import SCORES

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
NOTHING = "-"


class Table(NamedTuple):
    """Text in columns."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables_of(study: Study, rows: Sequence[Row]) -> list[Table]:
    """The tables as the thesis has them."""
    if "self_training" in study.parts:
        return [gains_table(rows), consensus_table(study, rows)]
    return [wide_table(study, rows)]


def wide_table(study: Study, rows: Sequence[Row]) -> Table:
    """A line for each row, with the scores of its parts side by side (6.16-6.19)."""
    header = [study.heading]
    for part in study.parts:
        first, *others = (name.upper() for name in SCORES)
        header += [f"{PARTS[part]}: {first}", *others]
    neighbors = NEIGHBORS if study.shows_neighbors else ()
    header += [*(HEADINGS[name] for name in neighbors), "Training (s)"]
    lines = [
        [
            row.label,
            *(text for part in study.parts for text in score_cells(row, part)),
            *(
                cell(row.get("neighbors", name), digits=1 if name in COUNTS else 2)
                for name in neighbors
            ),
            cell(row.get("train", "seconds"), digits=1),
        ]
        for row in rows
    ]
    return Table("Scores", header, lines)


def gains_table(rows: Sequence[Row]) -> Table:
    """The best head of each row, with the gain over the row above, and that of all (6.9)."""
    lines = [
        [row.label, *score_cells(row, "best_head", since=before)]
        for before, row in zip([None, *rows], rows, strict=False)
    ]
    if len(rows) > 1:
        gains = (gain(rows[-1], "best_head", name, rows[0]) for name in SCORES)
        lines.append(["Δ", *(f"{value:+.2f}" for value in gains)])
    header = ["Best head", *(name.upper() for name in SCORES)]
    return Table("Best head, with the gain over the row above", header, lines)


def consensus_table(study: Study, rows: Sequence[Row]) -> Table:
    """Each row with its consensus and its classifier, and their gains over the best head (6.11)."""
    lines = []
    for row in rows:
        lines.append([f"**{row.label}**", *score_cells(row, "best_head")])
        lines += [
            [f"+ {PARTS[part]}", *score_cells(row, part, since=row)]
            for part in study.parts
            if part != "best_head"
        ]
    header = ["", *(name.upper() for name in SCORES)]
    return Table("Consensus and self-training, with the gain over the best head", header, lines)


def settings_table(study: Study, record: Record, rows: Sequence[Row]) -> Table | None:
    """The settings that rows differ in; None where the values that they stand for say it all."""
    if study.values is not None or len(rows) < 2:
        return None
    settings = [record.settings[row.key] for row in rows]
    names = dict.fromkeys(name for one in settings for name in one)
    differing = [name for name in names if len({str(one.get(name)) for one in settings}) > 1]
    lines = [
        [row.label, *(str(one.get(name, NOTHING)) for name in differing)]
        for row, one in zip(rows, settings, strict=True)
    ]
    return Table("What the rows differ in", [study.heading, *differing], lines)


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
        return NOTHING
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
