"""A study as Markdown and as a plot, beside the thesis's figures where they are of its images."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.ablations.plots import plot_study
from benchmarks.ablations.rows import NEIGHBORS, PARTS, Figure, Of, Results, Row
from benchmarks.ablations.study import Study
from benchmarks.pages import render_page
from benchmarks.published import SCORES
from benchmarks.records import command_line
from benchmarks.simulated.features import how_simulated
from benchmarks.trials import describe_machines
from ucls.cache import atomic_write
from ucls.report.table import Table

PAGE = Path(__file__).with_name("page.md.jinja")


def write_report(results: Results, folder: Path) -> list[Path]:
    """Writes ``STUDY-SOURCE.md``, and a plot if any run has figures."""
    rows, name = results.rows(), results.plan.name
    markdown, plot = folder / f"{name}.md", folder / f"{name}.png"
    with atomic_write(markdown) as partial:
        partial.write_text(as_markdown(results, rows), encoding="utf-8")
    if not rows:
        return [markdown]
    plot_study(results, rows, plot)
    return [markdown, plot]


def as_markdown(results: Results, rows: Sequence[Row]) -> str:
    """Title, tables, what a reader has to know, and where the figures come from."""
    plan = results.plan
    return render_page(
        PAGE,
        results=results,
        plan=plan,
        study=plan.study,
        simulated=how_simulated(Path(plan.source.arguments["source"])),
        n_seeds=len({trial.seed for trial in results.trials}),
        scores=scores_table(plan.study, rows).markdown() if rows else "",
        machines=describe_machines(results.trials),
        command=command_line(),
    )


def scores_table(study: Study, rows: Sequence[Row]) -> Table:
    """A line for each row, with the scores of its parts, its neighbours and its seconds."""
    columns: dict[Of, str] = {
        (part, score): f"{PARTS[part]}: {score.upper()}" for part in study.parts for score in SCORES
    }
    if study.shows_neighbors:
        columns |= {("neighbors", name): heading for name, heading in NEIGHBORS.items()}
    columns["train", "seconds"] = "Training (s)"
    lines = [[row.label, *(cell(row.figures.get(of)) for of in columns)] for row in rows]
    return Table([study.heading, *columns.values()], lines)


def cell(figure: Figure | None) -> str:
    """Mean and standard deviation; in brackets the published figure and the difference to it."""
    if figure is None:
        return "-"
    text = f"{figure.mean:,.2f}"
    if figure.spread is not None:
        text += f" ± {figure.spread:,.2f}"
    if figure.published is not None:
        text += f" ({figure.published:,.2f}, {figure.mean - figure.published:+,.2f})"
    return text
