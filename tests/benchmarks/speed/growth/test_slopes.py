import numpy as np
import pytest
from scipy.stats import linregress

from benchmarks.speed.growth.slopes import fit_slope, fit_slopes, memory_slopes

SIZES = [1, 2, 4, 8, 16]


@pytest.mark.parametrize("exponent", [-0.5, 0.0, 1.0, 2.0])
def test_a_power_law_has_its_exponent_and_no_error(exponent):
    slopes = fit_slopes(SIZES, [3.0 * size**exponent for size in SIZES])
    assert slopes.whole.exponent == pytest.approx(exponent)
    assert slopes.last.exponent == pytest.approx(exponent)
    assert slopes.whole.error == pytest.approx(0.0, abs=1e-9)


def test_slope_and_error_are_those_of_scipy():
    values = np.exp(np.random.default_rng(0).normal(size=5)) * SIZES
    found, expected = fit_slope(SIZES, values), linregress(np.log(SIZES), np.log(values))
    assert found.exponent == pytest.approx(expected.slope)
    assert found.error == pytest.approx(expected.stderr)


def test_the_last_half_tells_what_comes():
    # A constant and something linear: the slope rises towards 1.
    slopes = fit_slopes(SIZES, [4.0 + size for size in SIZES])
    assert 0.4 < slopes.whole.exponent < slopes.last.exponent < 1.0


def test_two_points_leave_no_error():
    last = fit_slopes(SIZES[:4], [1.0, 1.0, 2.0, 8.0]).last
    assert last == (pytest.approx(2.0), None)
    assert str(last) == "2.00"


def test_a_slope_is_written_with_its_error():
    assert str(fit_slope([1, 2, 4], [1.0, 2.0, 5.0])) == "1.16 ± 0.09"


def test_memory_that_is_noise_does_not_count():
    found = memory_slopes(SIZES, [-2.0, 0.5, 8.0, 16.0, 32.0])
    assert found is not None
    assert found.whole.exponent == pytest.approx(1.0)
    assert memory_slopes(SIZES, [-2.0, 0.5, 3.0, 16.0, 32.0]) is None
