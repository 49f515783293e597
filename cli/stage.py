"""What the commands of single stages have in common."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ucls.console import console_reporter


def run_stage(
    stage: Callable[..., Path],
    run: Path,
    *,
    next_command: str,
    settings: Mapping[str, Any],
    overwrite: bool,
    quiet: bool,
) -> None:
    """Runs a stage, and tells what it left and which command comes next."""
    path = stage(
        run, settings=settings, overwrite=overwrite, reporter=console_reporter(quiet=quiet)
    )
    print(path)
    print(f"next: ucls {next_command} {run}")
