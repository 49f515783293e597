"""Runs a function in a fresh Python process, so that the memory it takes is its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from ucls.errors import UclsError
from ucls.usage import measure

REPOSITORY = Path(__file__).resolve().parents[1]


class Outcome(NamedTuple):
    """What a function returned, and the peak of its process with Python, in 10^6 bytes."""

    result: Any
    seconds: float
    peak_mb: float


def run_in_process(function: Callable[..., Any], *arguments: Any) -> Outcome:
    """Calls a function of a module's top level in a new process; arguments are what JSON holds."""
    name = f"{function.__module__}:{function.__qualname__}"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.process", name],
        input=json.dumps(arguments),
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
    )
    if done.returncode:
        *_, told = done.stderr.strip().splitlines() or ["it said nothing"]
        code = f"exit code {done.returncode}"
        raise UclsError(f"{name} stopped in a process of its own with {code}: {told}")
    # Libraries may print too, before.
    return Outcome(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Calls the function that is named, with arguments from the standard input; prints JSON."""
    module, _, name = sys.argv[1].partition(":")
    function, arguments = getattr(import_module(module), name), json.load(sys.stdin)
    with measure() as usage:
        started = time.perf_counter()
        result = function(*arguments)
        seconds = time.perf_counter() - started
    outcome = Outcome(result, seconds, usage.peak_memory_mb * 2**20 / 1e6)
    print(json.dumps(outcome._asdict()), flush=True)
    # Nothing that a library prints on its way out may follow.
    os._exit(0)


if __name__ == "__main__":
    main()
