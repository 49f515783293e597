import sys
import time

import numpy as np
import pytest

from ucls.usage import measure


def test_time_is_measured() -> None:
    with measure() as usage:
        time.sleep(0.05)
    assert 0.05 <= usage.seconds < 5


def test_figures_are_there_after_an_error() -> None:
    with pytest.raises(KeyError), measure() as usage:
        raise KeyError
    assert usage.peak_memory_mb > 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux starts the peak anew")
def test_the_peak_is_that_of_the_block() -> None:
    with measure() as large:
        np.ones(200 * 2**20, dtype=np.uint8)
    with measure() as small:
        pass
    assert large.peak_memory_mb - small.peak_memory_mb > 150
