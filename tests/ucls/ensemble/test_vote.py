import numpy as np
import pytest

from ucls.ensemble.vote import vote
from ucls.errors import UsageError


def as_labels(*heads):
    return np.array(heads, dtype=np.int32)


def test_the_majority_of_aligned_heads_wins():
    heads = as_labels(
        [0, 0, 0, 1, 1, 1, 2, 2, 2],
        [2, 2, 2, 0, 0, 0, 1, 1, 1],
        [1, 1, 2, 2, 2, 2, 0, 0, 1],
    )
    assert vote(heads, 3).tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_the_most_central_head_names_the_clusters():
    outlier = [0, 1, 2, 0, 1, 2, 0, 1, 2]
    heads = as_labels(outlier, [2, 2, 2, 0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1, 2, 2, 2])
    assert vote(heads, 3).tolist() == [2, 2, 2, 0, 0, 0, 1, 1, 1]


def test_the_central_head_fits_into_the_clusters():
    heads = as_labels([0, 0, 1, 2, 3, 3], [0, 0, 1, 2, 3, 3], [0, 0, 0, 1, 1, 1])
    voted = vote(heads, 2)
    assert set(voted.tolist()) <= {0, 1}
    assert voted.tolist() == [0, 0, 0, 1, 1, 1]


def test_too_many_clusters_in_every_head_is_an_error():
    heads = as_labels([0, 1, 2, 3], [0, 0, 1, 2])
    with pytest.raises(UsageError, match="at most n_clusters=2 clusters, the smallest has 3"):
        vote(heads, 2)


def test_images_that_some_heads_miss_are_labelled_by_the_others():
    heads = as_labels([0, 0, 1, 1, -1, -1], [1, 1, 0, 0, 0, -1], [0, 0, 1, 1, 1, -1])
    assert vote(heads, 2).tolist() == [0, 0, 1, 1, 1, -1]
