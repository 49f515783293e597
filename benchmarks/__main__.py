"""The benchmarks: ``python -m benchmarks COMMAND --help``."""

import os
import sys
from importlib import import_module
from pkgutil import iter_modules

import typer

from benchmarks import commands
from ucls.errors import UclsError

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)
for module in iter_modules(commands.__path__):
    command = import_module(f"{commands.__name__}.{module.name}").command
    app.command(module.name.replace("_", "-"))(command)


def main() -> None:
    """Runs a command; what goes wrong is told in one line."""
    # As the command line has it.
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")
    try:
        app()
    except UclsError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from error


if __name__ == "__main__":
    main()
