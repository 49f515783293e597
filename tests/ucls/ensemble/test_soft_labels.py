import numpy as np
import pytest

from ucls.ensemble import alignment, consensus, soft_labels
from ucls.errors import UsageError

some_seeds = pytest.mark.parametrize("seed", range(4))
WEIGHTS = ["equal", "agreement", [1.0, 2.0, 0.5, 3.0, 1.0, 1.0]]


@some_seeds
@pytest.mark.parametrize("weights", WEIGHTS, ids=str)
@pytest.mark.parametrize("votes_per_chunk", [20, 10**6])
def test_at_the_labels_they_are_the_confidence(
    seed, weights, votes_per_chunk, monkeypatch, make_heads
):
    monkeypatch.setattr(alignment, "VOTES_PER_CHUNK", votes_per_chunk)
    _, heads = make_heads(seed, n_images=60, n_clusters=4, n_heads=6, error=0.5)
    heads[2] = 1  # says nothing and is left out
    heads[:3, 7] = -1
    heads[:, 11] = -1
    result = consensus(heads, 4, weights=weights)
    shares = soft_labels(heads, result.labels, 4, weights=weights)
    assert (shares.shape, shares.dtype) == ((60, 4), np.float32)
    own = shares.toarray()[np.arange(60), result.labels]
    known = result.labels >= 0
    assert own[known] == pytest.approx(result.confidence[known], abs=1e-5)
    assert shares.sum(axis=1) == pytest.approx(known.astype(float))


def test_there_is_a_column_for_every_cluster():
    shares = soft_labels([[0, 1, 1, -1], [1, 0, 1, -1]], [0, 1, 1, -1], 4)
    assert shares.toarray().tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0.5, 0.5, 0, 0], [0] * 4]
    assert shares.nnz == 4


@pytest.mark.parametrize(
    ("labels", "clustering", "weights", "message"),
    [
        ([[0.0, 1.0]], [0, 1], "equal", "labels must be integers"),
        ([[0, 1, 1]], [0, 1], "equal", "clustering must be 3 integers, one for each image, got"),
        ([[0, 1]], [0.0, 1.0], "equal", "clustering must be 2 integers.* got float64"),
        ([[0, 1]], [0, 2], "equal", r"clustering must be in -1\.\.1, got 0 to 2"),
        ([[0, 1]], [-2, 0], "equal", r"clustering must be in -1\.\.1, got -2 to 0"),
        ([[0, 1]], [0, 1], "loss", "weights must be equal, agreement or one number"),
        ([[0, 1]], [0, 1], [0.0], "weights must be 1 positive numbers"),
    ],
)
def test_wrong_arguments(labels, clustering, weights, message):
    with pytest.raises(UsageError, match=message):
        soft_labels(labels, clustering, 2, weights=weights)
