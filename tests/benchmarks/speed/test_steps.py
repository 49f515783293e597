import time

import pytest

from benchmarks.speed import steps
from benchmarks.speed.steps import Step


def test_memory_is_looked_at_all_the_time(monkeypatch):
    monkeypatch.setattr(steps, "SECONDS_BETWEEN_SAMPLES", 0.01)
    with steps.sampled_memory() as samples:
        while not samples:
            time.sleep(0.01)
        before, n_before = samples[-1], len(samples)
        held = b"x" * 300_000_000
        while len(samples) < n_before + 5:
            time.sleep(0.01)
    # The whole process is looked at, which may give back other memory meanwhile.
    assert samples[-1] > before + 200
    n_samples = len(samples)
    del held
    time.sleep(0.05)
    assert len(samples) == n_samples


@pytest.mark.parametrize(("n_samples", "expected"), [(20, 10), (10, 10), (4, 4), (0, 0)])
def test_each_tenth_of_the_time_tells_its_largest(n_samples, expected):
    parts = Step("train", 1.0, 2.0, tuple(map(float, range(n_samples)))).parts
    assert len(parts) == expected
    assert parts == sorted(parts)
    assert not parts or parts[-1] == n_samples - 1
