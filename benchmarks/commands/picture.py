"""``python -m benchmarks picture``."""

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path, typer.Option(help="Where to write.")]


def command(*, out: Out = Path("docs/report.png")) -> None:
    """Take the picture that the README opens with: the page of a run on drawn shapes."""
    from benchmarks.report.picture import take_picture

    take_picture(out)
    print(out)
