"""How much is shown: ``-v``, and ``-q`` where a command shows progress."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ucls.progress import Reporter

Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Show the traceback of an error.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Show results and errors only.")]
OPTIONS = [
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=option)
    for name, option in (("verbose", Verbose), ("quiet", Quiet))
]


@dataclass
class Verbosity:
    """What was asked for on this command line."""

    verbose: bool = False
    quiet: bool = False
    continues: bool = False
    """Whether the command goes on where it was stopped."""


asked = Verbosity()


def takes_verbosity(
    command: Callable[..., Any], *, shows_progress: bool = True, continues: bool = False
) -> Callable[..., Any]:
    """Adds the options to a command, which need not know of them; ``-q`` if it shows progress."""

    @functools.wraps(command)
    def with_options(*, verbose: bool, quiet: bool = False, **options: Any) -> Any:
        asked.verbose, asked.quiet, asked.continues = verbose, quiet, continues
        return command(**options)

    signature = inspect.signature(command)
    parameters = [*signature.parameters.values(), *OPTIONS[: 1 + shows_progress]]
    vars(with_options)["__signature__"] = signature.replace(parameters=parameters)
    return with_options


def chosen_reporter() -> "Reporter":
    """Shows progress, unless only results were asked for."""
    from ucls.cli.console import console_reporter

    return console_reporter(quiet=asked.quiet)
