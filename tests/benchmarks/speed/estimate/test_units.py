import pytest

from benchmarks.speed.estimate.units import duration, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "0.50 s"), (3.21, "3.2 s"), (119, "119 s"), (170, "2.8 min"), (7300, "2.0 h"),
        (40 * 3600, "40 h"), (12 * 86_400, "12 days"), (3e10, "951 years"), (3e12, "95,064 years"),
    ],
)  # fmt: skip
def test_a_time_has_the_unit_that_suits_it(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("n_bytes", "text"), [(12, "12 B"), (1500, "1.5 kB"), (3.8e9, "3.8 GB"), (6e13, "60 TB")]
)
def test_a_size_too(n_bytes, text):
    assert size(n_bytes) == text
