"""What became of a call, as a table."""

from collections.abc import Sequence

from rich.table import Table

from benchmarks.accuracy.describe import describe_time
from benchmarks.accuracy.plan import Outcome
from ucls.console import new_console

COLUMNS = {
    "k-means": "kmeans",
    "best head": "best_head",
    "ensemble": "ensemble.chosen",
    "self-train": "self_training",
}
"""Rows of ``metrics.json``."""


def print_summary(outcomes: Sequence[Outcome]) -> None:
    """Prints what ran, was skipped and failed, with the ACC of what has figures."""
    title = "ACC in percent, on val where there is one"
    table = Table(title=title, title_justify="right", show_edge=False, pad_edge=False)
    table.add_column("dataset", no_wrap=True)
    table.add_column("seed", justify="right", no_wrap=True)
    table.add_column("result", no_wrap=True)
    for heading in ("time", *COLUMNS):
        table.add_column(heading, justify="right", no_wrap=True)
    for outcome in outcomes:
        seed = "" if outcome.seed is None else str(outcome.seed)
        time = describe_time(outcome.seconds) if outcome.result == "ran" else ""
        table.add_row(outcome.dataset, seed, outcome.result, time, *accuracies(outcome))
    console = new_console()
    console.print()
    console.print(table)
    if reasons := [f"{o.title} {o.result}: {o.reason}" for o in outcomes if o.reason]:
        print("\n" + "\n".join(reasons))


def accuracies(outcome: Outcome) -> list[str]:
    """The ACC of each column, on ``val`` where there is one."""
    if outcome.record is None:
        return ["" for _ in COLUMNS]
    figures = outcome.record.figures
    rows = figures["val"] or figures["train"]
    values = [rows.get(name, {}).get("acc") for name in COLUMNS.values()]
    return ["" if value is None else f"{100 * value:.2f}" for value in values]
