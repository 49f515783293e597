"""The command line under torchrun: one process runs the command, the others follow it."""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import NoReturn

GRACE = 1.0
"""Seconds in which the process that failed first says why, before another one speaks."""


class TerminatedError(BaseException):
    """The process was asked to end, as torchrun does once another one has ended."""

    exit_code = 143


def is_in_job() -> bool:
    """Whether torchrun started this process beside others."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def run_in_job(command: Callable[[], int], run: Callable[[Callable[[], int]], int]) -> int:
    """Runs the command in the first process of the job.

    Args:
        command: of the command line.
        run: makes exit codes of errors.
    """
    from ucls.ranks import dismiss, follow, joined

    signal.signal(signal.SIGTERM, _terminate)
    with joined() as leads:
        exit_code = run(command if leads else follow)
        if leads:
            dismiss(exit_code)
    return exit_code


def may_speak() -> bool:
    """Whether this process tells of an error: of a job only the first that has one does."""
    if not is_in_job():
        return True
    from ucls.ranks import LostError, speaks_first

    if isinstance(sys.exception(), LostError | TerminatedError):
        time.sleep(GRACE)
    return speaks_first()


def _terminate(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise TerminatedError(
        "stopped, as another process of this job has ended or someone asked for it; the same "
        "command continues where it stopped"
    )
