"""A study as Markdown, CSV and plot, beside the thesis's figures where they are of its images."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.ablations.plan import Results
from benchmarks.ablations.plots import plot_study
from benchmarks.ablations.rows import Row, rows_of
from benchmarks.ablations.source import how_simulated
from benchmarks.ablations.tables import csv_table, tables_of
from benchmarks.pages import render_page
from benchmarks.records import command_line
from benchmarks.trials import describe_machine
from ucls.cache import atomic_write

PAGE = Path(__file__).with_name("page.md.jinja")
SHOWN_SETTINGS = (
    "neighbors.k", "neighbors.threshold", "neighbors.cap", "train.n_heads", "train.n_smoothing",
    "train.hidden_dim", "train.epochs", "train.warmup_epochs", "train.batch_size",
    "train.learning_rate", "train.teacher_momentum", "train.precision", "ensemble.method",
    "ensemble.heads", "self_train.inputs",
)  # fmt: skip


def write_report(results: Results, folder: Path) -> list[Path]:
    """Writes ``STUDY-SOURCE`` with ``.md``, ``.csv``, and plots if any run has figures."""
    rows, base = rows_of(results), folder / results.plan.name
    markdown, csv = (base.with_name(f"{base.name}.{end}") for end in ("md", "csv"))
    with atomic_write(markdown) as partial:
        partial.write_text(as_markdown(results, rows), encoding="utf-8")
    csv_table(results, rows).write_csv(csv)
    return [markdown, csv, *(plot_study(results, rows, base) if rows else [])]


def as_markdown(results: Results, rows: Sequence[Row]) -> str:
    """Title, tables, what a reader has to know, and where the figures come from."""
    simulated, trials = how_simulated(results.plan.source), results.trials
    made = ", ".join(f"{name} {value:,}" for name, value in (simulated or {}).items())
    return render_page(
        PAGE,
        results=results,
        plan=results.plan,
        study=results.plan.study,
        rows=rows,
        trials=trials,
        simulated=made,
        seeds={trial.seed for trial in trials},
        tables=tables_of(results, rows),
        shared=_shared_settings(results),
        published=results.published,
        machines=list(dict.fromkeys(map(describe_machine, trials))),
        command=command_line(),
    )


def _shared_settings(results: Results) -> dict[str, Any]:
    """What all rows have alike, of what readers look for."""
    resolved = [trial.resolved for trial in results.trials]
    return {
        name: resolved[0][name]
        for name in (SHOWN_SETTINGS if resolved else ())
        if name in resolved[0] and all(one.get(name) == resolved[0][name] for one in resolved)
    }
