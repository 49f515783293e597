"""``python -m benchmarks table``: our records beside the published figures."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.options import RESULTS
from ucls.errors import UsageError

ResultsDir = Annotated[Path, typer.Option(help="Where the records are.")]
Datasets = Annotated[
    str | None, typer.Option(metavar="NAME,...", help="Or 'all'; default: all with records.")
]
Out = Annotated[Path | None, typer.Option(metavar="FILE.md", help="A CSV lies beside it.")]


def command(
    *, datasets: Datasets = None, results_dir: ResultsDir = RESULTS, out: Out = None
) -> None:
    """Show our scores beside the published ones, as Markdown and CSV.

    Example: python -m benchmarks table --datasets all
    """
    from benchmarks.accuracy.comparison import compare, read_trials
    from benchmarks.accuracy.datasets import BENCHMARKS, load_benchmarks
    from benchmarks.accuracy.table import CSV_HEADINGS, PAGE, as_csv, as_markdown
    from benchmarks.pages import is_page
    from benchmarks.published import load_published
    from ucls.cache import atomic_write, check_output, has_table

    published = load_published().results
    trials = {name: read_trials(results_dir, name) for name in BENCHMARKS}
    names = [name for name in trials if trials[name]]
    if datasets is not None:
        names = [benchmark.name for benchmark in load_benchmarks(datasets)]
    if not names:
        raise UsageError(
            f"there are no records in {results_dir} yet: make some with python -m benchmarks run "
            "--datasets digits --seeds 5, or see the published figures with --datasets all"
        )
    comparisons = [compare(name, trials[name], published.get(name, ())) for name in names]
    text, markdown = as_markdown(comparisons), (out or results_dir / "table").with_suffix(".md")
    check_output(markdown, is_own=is_page(PAGE))
    check_output(markdown.with_suffix(".csv"), is_own=has_table(CSV_HEADINGS))
    with atomic_write(markdown) as partial:
        partial.write_text(text, encoding="utf-8")
    as_csv(comparisons).write_csv(markdown.with_suffix(".csv"))
    print(f"{text}\nwritten to {markdown} and {markdown.with_suffix('.csv')}")
