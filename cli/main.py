"""The ``ucls`` command: puts the sub-commands together and turns errors into one line."""

import errno
import sys
import traceback

import typer

from ucls.cli import (
    datasets,
    doctor,
    ensemble,
    evaluate,
    extract,
    neighbors,
    predict,
    run,
    self_train,
    train,
    validate,
)
from ucls.cli import options as opt
from ucls.errors import UclsError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
INTERRUPTED = 130

app = typer.Typer(
    name="ucls",
    help="Cluster images without labels, on top of frozen vision transformers.",
    epilog="Start with: ucls run digits",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(version: opt.Version = False) -> None:
    """Takes the options that come before a command."""


for module in (
    run, extract, neighbors, train, ensemble, self_train, evaluate, predict,
    datasets, validate, doctor,
):  # fmt: skip
    name = module.__name__.rpartition(".")[2].replace("_", "-")
    app.command(name, epilog=f"Example: {module.EXAMPLE}")(module.command)


def main() -> None:
    """Runs the command line; errors become one line and an exit code, no traceback without -v."""
    try:
        app()
    except UclsError as error:
        sys.exit(_fail(str(error), error.exit_code))
    except KeyboardInterrupt:
        sys.exit(_fail("interrupted; the same command continues where it stopped", INTERRUPTED))
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        sys.exit(_fail(f"the disk is full ({error}); make room, then run it again", 1))


def _fail(message: str, exit_code: int) -> int:
    if {"-v", "--verbose"} & set(sys.argv[1:]):
        traceback.print_exc()
    print(f"ucls: error: {message}", file=sys.stderr)
    return exit_code
