import os
import time
from typing import Any

import pytest

from benchmarks.process import run_in_process
from ucls.errors import UclsError, UsageError


def fill(megabytes: int, seconds: float) -> dict[str, Any]:
    print("what a library says")
    block = bytearray(megabytes * 10**6)
    time.sleep(seconds)
    return {"filled": len(block), "process": os.getpid()}


def fail() -> None:
    raise UsageError("expected more memory")


def test_a_function_is_called_in_a_process_of_its_own() -> None:
    few, many = (run_in_process(fill, megabytes, 0.05) for megabytes in (1, 101))
    assert few.result["filled"] == 10**6
    assert len({few.result["process"], many.result["process"], os.getpid()}) == 3
    assert 0.05 <= few.seconds < 1.0
    assert many.peak_mb - few.peak_mb == pytest.approx(100, abs=10)


def test_what_goes_wrong_there_is_told_here() -> None:
    with pytest.raises(UclsError, match=r"test_process:fail .* exit code 1: .*more memory"):
        run_in_process(fail)
