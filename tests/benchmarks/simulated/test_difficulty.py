from dataclasses import replace

import pytest

from benchmarks.simulated.classes import FITTED
from benchmarks.simulated.difficulty import measure_difficulty
from benchmarks.simulated.features import SimulatedFeatures

MADE = SimulatedFeatures(3_000, 6, 128)


@pytest.mark.slow
def test_simulated_features_can_be_told_apart_but_not_all_of_them():
    probe, knn, kmeans = measure_difficulty(MADE).values()
    assert 0.93 < probe < 1
    assert 0.93 < knn < 1
    assert 0.6 < kmeans < 1
    mixed = replace(MADE, geometry=replace(FITTED, mixed=1.0))
    assert max(list(measure_difficulty(mixed).values())[:2]) < 0.9
