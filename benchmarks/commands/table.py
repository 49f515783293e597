"""``python -m benchmarks table``: our records beside the published figures."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.commands.run import RESULTS
from ucls.errors import UsageError

ResultsDir = Annotated[Path, typer.Option(help="Where the records are.")]
Datasets = Annotated[
    str | None,
    typer.Option(metavar="NAME,...", help="'all', or some; default: those that have records."),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.md",
        help="The Markdown, with a CSV beside it; default: table.md among the records.",
    ),
]


def command(
    *,
    datasets: Datasets = None,
    results_dir: ResultsDir = RESULTS,
    out: Out = None,
) -> None:
    """Show our scores beside the published ones, as Markdown and CSV.

    Example: python -m benchmarks table --datasets all
    """
    from benchmarks.accuracy.benchmark import benchmark_names, load_benchmarks
    from benchmarks.accuracy.comparison import compare
    from benchmarks.accuracy.csv_table import COLUMNS, csv_rows
    from benchmarks.accuracy.published import load_published
    from benchmarks.accuracy.records import read_records
    from benchmarks.accuracy.table import format_markdown
    from ucls.cache import atomic_write, write_csv

    published = load_published()
    records = {name: read_records(results_dir, name) for name in benchmark_names()}
    names = [name for name in records if records[name]]
    if datasets is not None:
        names = [benchmark.name for benchmark in load_benchmarks(datasets)]
    if not names:
        raise UsageError(
            f"there are no records in {results_dir} yet: make some with python -m benchmarks run "
            "--datasets digits --seeds 5, or see the published figures with --datasets all"
        )
    comparisons = [compare(name, records[name], published.results.get(name, ())) for name in names]
    text = format_markdown(comparisons, published.images)
    base = results_dir / "table" if out is None else out
    markdown, csv = base.with_suffix(".md"), base.with_suffix(".csv")
    with atomic_write(markdown) as partial:
        partial.write_text(text, encoding="utf-8")
    write_csv(csv, COLUMNS, csv_rows(comparisons))
    print(text)
    print(f"written to {markdown} and {csv}")
