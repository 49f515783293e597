"""The benchmarks: ``python -m benchmarks COMMAND --help``."""

import sys
from importlib import import_module

import typer

from ucls.errors import UclsError

COMMANDS = (
    "run",
    "table",
    "ablate",
    "simulate",
    "speed",
    "compare",
    "growth",
    "estimate",
    "training-step",
    "extraction",
    "cache-memory",
    "digits",
    "objectives",
    "ensembles",
)

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)
for name in COMMANDS:
    module = import_module(f"benchmarks.commands.{name.replace('-', '_')}")
    app.command(name)(module.command)


def main() -> None:
    """Runs a command; what goes wrong is told in one line."""
    try:
        app()
    except UclsError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from error


if __name__ == "__main__":
    main()
