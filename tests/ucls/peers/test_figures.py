import numpy as np
import pytest

from ucls.errors import UsageError
from ucls.merging.links import Edges
from ucls.peers.figures import cut_share, label_figures, size_figures

LABELS = np.array([0, 0, 0, 1, 1, -1], np.int32)


def test_scores_leave_out_unknown_labels_and_noise_is_wrong() -> None:
    found = np.array([2, 2, -1, 0, 0, 0], np.int32)
    figures = label_figures(LABELS, found)
    assert figures["ACC"] == pytest.approx(4 / 5)
    assert figures["class ACC"] == pytest.approx((2 / 3 + 1) / 2)
    assert 0 < figures["NMI"] < 1
    assert label_figures(LABELS, LABELS) == {"ACC": 1.0, "class ACC": 1.0, "NMI": 1.0}
    with pytest.raises(UsageError, match="at least one label must be known"):
        label_figures(np.full(6, -1), found)


def test_sizes_are_of_clusters_that_hold_images() -> None:
    found = np.array([7, 7, 7, 2, -1, -1], np.int32)
    assert size_figures(found) == {"clusters": 2, "largest": 3, "smallest": 1}
    assert size_figures(np.full(3, -1)) == {"clusters": 0, "largest": 0, "smallest": 0}


def test_links_are_cut_between_clusters_and_at_noise() -> None:
    sources, targets = np.array([[0, 1, 2, 3, 4], [1, 2, 3, 4, 0]], np.int32)
    edges = Edges(sources, targets)
    assert cut_share(np.zeros(5, np.int32), edges) == 0.0
    assert cut_share(np.array([0, 0, 1, 1, 1], np.int32), edges) == pytest.approx(2 / 5)
    assert cut_share(np.array([0, 0, 0, -1, -1], np.int32), edges) == pytest.approx(3 / 5)
