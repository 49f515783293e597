from pathlib import Path

import numpy as np
import pytest
from scipy.stats import linregress

from benchmarks.records import read_record, write_record
from benchmarks.speed.growth.record import GrowthRecord, Point, StageGrowth, fit_slope, slope_texts
from benchmarks.speed.growth.works import WORKS
from benchmarks.speed.measurement import Size
from tests.benchmarks.speed.growth.samples import growth_record
from ucls.errors import UsageError

KEPT = Path(__file__).parents[4] / "benchmarks" / "results" / "growth" / "growth.json"
SIZES = [1, 2, 4, 8, 16]


def test_an_axis_has_the_points_that_differ_in_it_alone():
    sizes = ((40, 3, 2, 8), (10, 3, 2, 8), (20, 3, 2, 8), (10, 6, 2, 8), (20, 6, 2, 8))
    points = tuple(Point(Size(*size), (1.0, 9.0, size[0]), size[0] / 5) for size in sizes)
    growth = StageGrowth("train", "an epoch", Size(10, 3, 2, 8), points)
    assert growth.letters == ["N", "C"]
    assert growth.seconds("N") == ([10, 20, 40], [9.0, 9.0, 9.0])
    assert growth.seconds("C")[0] == [3, 6]
    # Less than 4 MB is noise.
    assert growth.memory("N") == ([20, 40], [4.0, 8.0])


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new" / "growth.json"
    write_record(path, record := growth_record())
    assert read_record(path, GrowthRecord) == record


def test_the_record_that_is_kept_is_read():
    record = read_record(KEPT, GrowthRecord)
    assert [growth.stage for growth in record.stages] == list(WORKS)
    assert record.of("merge").seconds("C")[0] == [16, 32, 64, 128, 256, 512, 1024]


def test_a_stage_that_was_not_measured_is_told_with_what_to_do():
    with pytest.raises(UsageError, match="got none of merge: measure all"):
        growth_record("train", "ensemble").of("merge")


@pytest.mark.parametrize("exponent", [-0.5, 0.0, 2.0])
def test_a_power_law_has_its_exponent_and_no_error(exponent):
    values = [3.0 * size**exponent for size in SIZES]
    for last_half in (False, True):
        found = fit_slope(SIZES, values, last_half=last_half)
        assert found == pytest.approx((exponent, 0.0), abs=1e-9)


def test_slope_and_error_are_those_of_scipy():
    values = np.exp(np.random.default_rng(0).normal(size=5)) * SIZES
    expected = linregress(np.log(SIZES), np.log(values))
    assert fit_slope(SIZES, values) == pytest.approx((expected.slope, expected.stderr))


def test_the_last_half_tells_what_comes():
    # A constant and something linear: the slope rises towards 1.
    values = [4.0 + size for size in SIZES]
    assert 0.4 < fit_slope(SIZES, values)[0] < fit_slope(SIZES, values, last_half=True)[0] < 1.0


def test_slopes_are_written_with_their_errors_where_there_are_any():
    values = np.array([1.0, 2.0, 5.0, 10.0])
    assert slope_texts(SIZES[:4], values) == ["1.13 ± 0.05", "1.00"]
    assert slope_texts(SIZES[:2], values[:2]) == ["-", "-"]
