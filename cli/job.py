"""The command line under torchrun: one process runs the command, the others follow it."""

import atexit
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import NoReturn

MARKS = {"WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"}
"""What torchrun tells each process; other programs know some of these names too."""
GRACE = 1.0
"""Seconds in which the process that failed first says why, before another one speaks."""


class TerminatedError(BaseException):
    """The process was asked to end, as torchrun does once another one has ended."""

    exit_code = 143


def is_in_job() -> bool:
    """Whether torchrun started this process beside others."""
    return os.environ.keys() >= MARKS and os.environ["WORLD_SIZE"] != "1"


def run_in_job(command: Callable[[], int], run: Callable[[Callable[[], int]], int]) -> int:
    """Runs the command in the first process of the job.

    Args:
        command: of the command line.
        run: makes exit codes of errors.
    """
    signal.signal(signal.SIGTERM, _terminate)
    exit_codes: list[int] = []
    # What is registered first is called last: what is imported from now on has tidied up by then.
    atexit.register(_leave, exit_codes)
    exit_codes.append(run(partial(_take_part, command, run)))
    return exit_codes[0]


def _leave(exit_codes: list[int]) -> None:
    """Ends without taking Python down, during which PyTorch's threads crash now and then.

    https://github.com/pytorch/pytorch/issues/190489
    """
    for exit_code in exit_codes:
        print(end="", flush=True)
        print(end="", flush=True, file=sys.stderr)
        os._exit(exit_code)


def _take_part(command: Callable[[], int], run: Callable[[Callable[[], int]], int]) -> int:
    from ucls.ranks import dismiss, follow, joined

    with joined() as leads:
        exit_code = run(command if leads else follow)
        if leads:
            dismiss(exit_code)
    return exit_code


def may_speak() -> bool:
    """Whether this process tells of an error: of a job only the first that has one does."""
    if not is_in_job():
        return True
    _hear_no_more()
    from ucls.ranks import LostError, speaks_first

    if isinstance(sys.exception(), LostError | TerminatedError):
        time.sleep(GRACE)
    return speaks_first()


def _hear_no_more() -> None:
    """Lets no signal break in on the last words: torchrun ends all workers of a process too."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if sys.platform != "win32":
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # PyTorch's raises where a worker is killed


def _terminate(*_: object) -> NoReturn:
    _hear_no_more()
    raise TerminatedError(
        "stopped, as another process of this job has ended or someone asked for it; the same "
        "command continues where it stopped"
    )
