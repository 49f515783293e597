import numpy as np
import pytest
from scipy.stats import t

from benchmarks.quality.page import interval, overview, quality_page, tables
from tests.benchmarks.quality.samples import quality_record


def test_the_interval_is_that_of_student() -> None:
    # Of 1, 2 and 3 the deviation is 1, and the quantile of two degrees of freedom is known.
    mean, half = interval([1.0, 2.0, 3.0])
    quantile = 0.95 * (2 / (1 - 0.95**2)) ** 0.5
    assert (mean, half) == (2.0, pytest.approx(quantile / 3**0.5))
    assert interval([0.5]) == (0.5, None)
    assert interval([0.5, 0.5]).half == 0.0


def test_it_covers_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    found = [interval(rng.normal(size=4)) for _ in range(2000)]
    covered = np.mean([abs(one.mean) <= one.half for one in found if one.half is not None])
    assert covered == pytest.approx(0.95, abs=0.015)
    assert t.ppf(0.975, 3) == pytest.approx(3.182, abs=1e-3)


def test_a_set_holds_means_and_intervals() -> None:
    _, digits, _ = tables(quality_record())
    assert digits.rows[0] == [
        "k-means", "0.850 ± 0.635", "0.700 ± 0.000", "0.600 ± 0.000", "9 of 10", "2.5", "2"
    ]  # fmt: skip
    assert digits.rows[1][:2] == ["ucls", "0.950"]


def test_the_overview_leaves_out_what_is_not_there_yet() -> None:
    assert overview(quality_record()).rows == [
        ["k-means", "0.850", "0.500"],
        ["ucls", "0.950", ""],
    ]


def test_the_page_names_command_and_machine() -> None:
    record = quality_record()
    page = quality_page(record)
    assert record.command in page
    assert record.machine["processor"] in page
    assert "\ndigits: 1,437 images, 64 features, 10 classes of 140 to 146.\n" in page
