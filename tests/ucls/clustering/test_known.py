import numpy as np
import pytest

from tests.conftest import Lines
from ucls.clustering.known import put_known, respect_known
from ucls.constraints.groups import Constraints, close
from ucls.ensemble import consensus
from ucls.ensemble.comparison import highest
from ucls.neighbors import build_neighbors
from ucls.runs.classifier import Labelled
from ucls.types import Labels

NONE = np.empty((0, 2), np.int64)


@pytest.fixture
def features() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


def heads(rng: np.random.Generator) -> Labels:
    return rng.integers(0, 3, (5, 40)).astype(np.int32)


def known_of(pairs: list[int], apart: list[tuple[int, int]] | None = None) -> Constraints:
    labels = np.full(40, -1, np.int32)
    labels[pairs] = np.arange(len(pairs))
    cannot = np.array(apart or [], np.int64).reshape(-1, 2)
    return close(labels, NONE, cannot, n_labels=len(pairs))


@pytest.mark.parametrize("seed", range(3))
def test_of_all_methods_the_one_of_the_highest_anmi_is_kept_afterwards(
    features: np.ndarray, seed: int, lines: Lines
) -> None:
    graph, by_head = (
        build_neighbors(features, k=5, threshold=2.0),
        heads(np.random.default_rng(seed)),
    )
    known = known_of([0, 1, 2])
    found = consensus(by_head, 3, method="all", seed=0)
    assert found.comparison is not None
    alone = {
        method: respect_known(known, one, graph, by_head=by_head, voted=by_head, reporter=lines)
        for method, one in found.comparison.results.items()
    }
    kept = respect_known(known, found, graph, by_head=by_head, voted=by_head, reporter=lines)
    best = alone[highest({method: one.anmi for method, one in alone.items()})]
    np.testing.assert_array_equal(kept.labels, best.labels)
    assert len(set(kept.labels[:3].tolist())) == 3
    assert not lines.said


def test_what_cannot_be_met_is_told(features: np.ndarray, lines: Lines) -> None:
    graph, by_head = build_neighbors(features, k=5, threshold=2.0), heads(np.random.default_rng(0))
    known = known_of([], [(a, b) for a in range(4) for b in range(a)])
    found = consensus(by_head, 3, seed=0)
    respect_known(known, found, graph, by_head=by_head, voted=by_head, reporter=lines)
    assert lines.said == [
        "WARNING: ensemble: 1 pair that cannot be in one cluster are, as too many belong apart "
        "from one another for 3 clusters"
    ]


def test_a_known_image_is_no_outlier(features: np.ndarray, lines: Lines) -> None:
    graph, by_head = build_neighbors(features, k=5, threshold=2.0), heads(np.random.default_rng(0))
    known = known_of([7, 9])
    found = respect_known(
        known, consensus(by_head, 3, seed=0), graph, by_head=by_head, voted=by_head, reporter=lines
    )
    share = np.ones(40, np.float32)
    outliers = Labelled(np.full(40, -1, np.int32), share, share)
    labelled, of_labels = put_known(known, found, outliers)
    assert np.flatnonzero(labelled.clusters >= 0).tolist() == [7, 9]
    assert of_labels.tolist() == labelled.clusters[[7, 9]].tolist() == found.labels[[7, 9]].tolist()
