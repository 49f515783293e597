"""``python -m benchmarks papers``: our networks beside the tables of their papers."""

from pathlib import Path
from typing import Annotated

import typer

Runs = Annotated[
    list[Path] | None,
    typer.Option("--run", metavar="FOLDER", help="A finished `ucls pretrain`; many can be given."),
]
Out = Annotated[Path | None, typer.Option(metavar="FILE.md", help="Where the page goes as well.")]


def command(*, run: Runs = None, out: Out = None) -> None:
    """Show the tables of the papers of `ucls pretrain`, and our runs beside the rows they are like.

    A run has the figures of its training, and those that ucls probe FOLDER --json
    FOLDER/probe.json left. Example: python -m benchmarks papers --run runs/cifar10-c2bin
    """
    from benchmarks.pages import is_page
    from benchmarks.papers.page import PAGE, as_markdown
    from benchmarks.papers.runs import read_run
    from benchmarks.papers.tables import load_papers
    from ucls.cache import atomic_write, check_output

    text = as_markdown(load_papers().values(), [read_run(folder) for folder in run or ()])
    print(text)
    if out is not None:
        check_output(out, is_own=is_page(PAGE))
        with atomic_write(out) as partial:
            partial.write_text(text, encoding="utf-8")
        print(f"written to {out}")
