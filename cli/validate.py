"""``ucls validate``: checks a file of settings."""

from pathlib import Path
from typing import Annotated

import typer

EXAMPLE = "ucls validate my-settings.toml"

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="A TOML file of settings.")]


def command(config: ConfigPath) -> None:
    """Check a file of settings, and tell everything that is wrong with it."""
    from ucls.settings.config import config_problems
    from ucls.settings.given import read_toml

    problems = config_problems(read_toml(config))
    for problem in problems:
        print(problem)
    if problems:
        raise typer.Exit(2)
    print(f"{config} is valid")
