"""The papers' tables and our runs as one page of Markdown."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.pages import render_page
from benchmarks.papers.runs import Run
from benchmarks.papers.tables import Paper, PaperTable, Row
from ucls.report.table import Table
from ucls.wording import count

PAGE = Path(__file__).with_name("page.md.jinja")


def as_markdown(papers: Iterable[Paper], runs: Sequence[Run]) -> str:
    """Writes all papers as one text."""
    papers = list(papers)
    tables = [table for paper in papers for table in paper.tables]
    shown = [run for run in runs if any(_beside(run, table) for table in tables)]
    tools = {"table_of": show, "shared_facts": shared_facts, "count": count}
    return render_page(PAGE, papers=papers, runs=runs, shown=shown, **tools)


def show(table: PaperTable, runs: Sequence[Run]) -> Table:
    """A line for each row: method, what tells it from others, its figures, and ours."""
    telling = [name for name, values in _facts(table).items() if len(set(values)) > 1]
    fullest_first = sorted(table.rows, key=lambda row: -len(row.figures))
    metrics = list(dict.fromkeys(name for row in fullest_first for name in row.figures))
    rows = [
        [
            row.method,
            *(row.facts.get(name, "") for name in telling),
            *(str(row.figures.get(name, "")) for name in metrics),
            "; ".join(_ours(row, run) for run in runs if row in _beside(run, table)),
        ]
        for row in table.rows
    ]
    return Table(["method", *telling, *metrics, "ours"], rows, n_left=1 + len(telling))


def shared_facts(table: PaperTable) -> str:
    """What is the same for all rows, in words."""
    same = {name: values[0] for name, values in _facts(table).items() if len(set(values)) == 1}
    return ", ".join(f"{name} {value}" for name, value in same.items() if value)


def _facts(table: PaperTable) -> dict[str, list[str]]:
    names = dict.fromkeys(name for row in table.rows for name in row.facts)
    return {name: [row.facts.get(name, "") for row in table.rows] for name in names}


def _beside(run: Run, table: PaperTable) -> list[Row]:
    """Rows that a run stands beside, and has figures of."""
    return [row for row in run.rows_of(table.rows) if row.figures.keys() & run.figures.keys()]


def _ours(row: Row, run: Run) -> str:
    scores = [f"{name} {run.figures[name]:.1f}" for name in row.figures if name in run.figures]
    return f"{', '.join(scores)} ({count(run.epochs, 'epoch')})"
