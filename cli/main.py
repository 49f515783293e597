"""The ``ucls`` command: puts the sub-commands together and turns errors into one line."""

import atexit
import errno
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

import typer

from ucls.cli import (
    backbones,
    bench,
    cache_info,
    cache_ls,
    cache_rm,
    cache_verify,
    compare,
    cut,
    datasets,
    doctor,
    duplicates,
    ensemble,
    evaluate,
    export,
    extract,
    masks,
    plan,
    plot,
    predict,
    pretrain,
    probe,
    relabel,
    report,
    run,
    serve,
    sort,
    suggest_k,
    update,
    validate,
)
from ucls.cli import options as opt
from ucls.cli.job import TerminatedError, is_in_job, may_speak, run_in_job
from ucls.cli.stage import stage_command
from ucls.cli.verbosity import asked, takes_verbosity
from ucls.errors import UclsError
from ucls.runs.catalog import STAGES
from ucls.wording import cause

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
INTERRUPTED = 130

app = typer.Typer(
    name="ucls",
    help="Cluster images without labels, on top of frozen vision transformers.",
    epilog="Start with: ucls run digits",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def options(context: typer.Context, version: opt.Version = False) -> None:
    """Takes the options that come before a command; helps where there is none."""
    if context.invoked_subcommand is None:
        print(context.get_help())


def add_command(
    to: typer.Typer,
    name: str,
    command: Callable[..., Any],
    example: str,
    *,
    shows_progress: bool = True,
    continues: bool = False,
) -> None:
    """Adds a command whose help ends with an example."""
    with_options = takes_verbosity(command, shows_progress=shows_progress, continues=continues)
    to.command(name, epilog=f"Example: {example}")(with_options)


add_command(app, "run", run.command, run.EXAMPLE, continues=True)
with_own_options = {"extract": extract, "ensemble": ensemble, "evaluate": evaluate}
for stage in STAGES:
    if stage.name in with_own_options:
        own = with_own_options[stage.name]
        add_command(app, stage.name, own.command, own.EXAMPLE, continues=True)
    else:
        add_command(app, stage.name, stage_command(stage), stage.example, continues=True)
for module in (
    suggest_k,
    plan,
    probe,
    bench,
    report,
    serve,
    relabel,
    predict,
    update,
    duplicates,
    sort,
    export,
    plot,
    cut,
    pretrain,
    masks,
):
    name = module.__name__.rpartition(".")[2].replace("_", "-")
    continues = module in (bench, sort, pretrain, masks)
    add_command(app, name, module.command, module.EXAMPLE, continues=continues)
for module in (compare, datasets, backbones, validate, doctor):
    name = module.__name__.rpartition(".")[2]
    add_command(app, name, module.command, module.EXAMPLE, shows_progress=False)

cache_app = typer.Typer(
    help="Look at, check and remove cached features.",
    epilog=f"Example: {cache_ls.EXAMPLE}",
)


@cache_app.callback(invoke_without_command=True)
def cache_options(context: typer.Context) -> None:
    """Helps where there is no command of the cache."""
    if context.invoked_subcommand is None:
        print(context.get_help())


for module in (cache_ls, cache_info, cache_verify, cache_rm):
    name = module.__name__.rpartition("_")[2]
    shows_progress = module is cache_verify
    add_command(cache_app, name, module.command, module.EXAMPLE, shows_progress=shows_progress)
app.add_typer(cache_app, name="cache")


def main() -> None:
    """Runs the command line; errors become one line and an exit code, no traceback without -v."""
    _speak_utf8()
    # OpenMP's default makes idle threads spin long enough to starve each other on a busy machine.
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")
    # Whoever interrupts a command that is over sees no traceback of what is taken down then.
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    sys.exit(run_in_job(_run_command, _run) if is_in_job() else _run(_run_command))


def _speak_utf8() -> None:
    """Starts anew where file names would not be UTF-8; what cannot be printed is escaped."""
    # Python takes the encoding of file names from the locale, once, before any code runs.
    if sys.getfilesystemencoding() != "utf-8" and os.environ.get("PYTHONUTF8") != "1":
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, sys.orig_argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _run_command() -> int:
    exit_code: int = app(prog_name="ucls", standalone_mode=False) or 0
    if sys.stdout is not None:  # as where it was closed before the start
        sys.stdout.flush()
    return exit_code


def _run(work: Callable[[], int]) -> int:
    """The exit code of some work, after a line where it fails."""
    try:
        exit_code = work()
    except BrokenPipeError:  # whoever reads the output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (UclsError, TerminatedError) as error:
        return _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        exit_code = INTERRUPTED
    except OSError as error:
        return _fail(_describe_os_error(error), 1)
    except Exception as error:  # noqa: BLE001 - whatever it is, no traceback without -v
        if hasattr(error, "format_message"):  # wrong options and arguments, as typer sees them
            return _fail(_describe_misuse(error), 2)
        what = f"{type(error).__name__}: {error}"
        # Of Ctrl-C pydantic makes an error of its own.
        if "KeyboardInterrupt" not in what:
            return _fail(f"unexpected {what}; run it again with -v and report what it shows", 1)
        exit_code = INTERRUPTED
    if exit_code == INTERRUPTED:
        after = "; the same command continues where it stopped" if asked.continues else ""
        _fail(f"interrupted{after}", INTERRUPTED)
    return int(exit_code)


def _describe_os_error(error: OSError) -> str:
    if error.errno in DISK_FULL:
        return f"the disk is full ({error}); make room, then run it again"
    if error.filename:
        return f"cannot use {error.filename}: {cause(error) or error}"
    return cause(error) or f"{error}; check the path and its rights"


def _describe_misuse(error: Any) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "ucls"
    # typer puts pydantic's words before what it says of a choice.
    message = error.format_message().rstrip(".").replace("Value error, ", "")
    return f"{message}; see: {command} --help"


def _fail(message: str, exit_code: int) -> int:
    if not may_speak():
        return exit_code
    if sys.exc_info()[0] and asked.verbose:
        traceback.print_exc()
    print(f"ucls: error: {' '.join(message.splitlines())}", file=sys.stderr)
    return exit_code
