import numpy as np
import pytest

from ucls.counting.modes import gaps_after, slow_modes
from ucls.merging.links import ClusterLinks


def test_separate_groups_have_a_mode_each() -> None:
    links = np.kron(np.eye(3), np.ones((4, 4))) + 1e-3
    modes = slow_modes(ClusterLinks(links, np.full(12, 10)))
    assert modes[0] == pytest.approx(1.0)
    assert modes[:3].min() > 0.98
    assert modes[3] < 0.01
    assert int(gaps_after(modes).argmax()) + 1 == 3


def test_no_more_modes_are_found_than_wanted() -> None:
    rng = np.random.default_rng(0)
    links = rng.uniform(1, 2, size=(30, 30))
    clusters = ClusterLinks(links + links.T, np.full(30, 5))
    assert len(slow_modes(clusters, most=7)) == 8
    assert len(slow_modes(clusters, most=99)) == 30
