import numpy as np
import pytest

from ucls.cache import Assignments
from ucls.clustering.voting import align_voters, select_voters
from ucls.ensemble.head_weights import loss_weights
from ucls.settings.config import EnsembleConfig

TRUTH = np.repeat(np.arange(3, dtype=np.int32), 20)
LOSS = np.array([0.3, 0.1, 0.2, 0.4], np.float32)


def heads(*labels: np.ndarray, sizes: tuple[int, ...]) -> Assignments:
    matrix = np.stack(labels).astype(np.int32)
    confidence = np.ones(matrix.shape, np.float16)
    head_clusters = np.array(sizes, np.int32)
    return Assignments({"train": matrix}, {"train": confidence}, LOSS, 3, head_clusters)


@pytest.mark.parametrize(
    ("rule", "expected"), [("all", (0, 1, 2)), ("best:1", (1,)), ("anmi:2", (0, 1)), ("3", (3,))]
)
def test_rules_choose_among_sound_heads_of_the_size_wanted(
    rule: str, expected: tuple[int, ...]
) -> None:
    noise = np.random.default_rng(0).integers(3, size=60)
    found = heads(TRUTH, (TRUTH + 1) % 3, noise, TRUTH, sizes=(3, 3, 3, 3))
    selection = select_voters(
        found, EnsembleConfig(heads=rule), trained=found, collapsed={3: "fills 1 of 3 clusters"}
    )
    assert selection.heads == expected


def test_heads_of_another_size_have_no_say() -> None:
    found = heads(TRUTH, TRUTH, TRUTH, TRUTH, sizes=(3, 6, 3, 6))
    selection = select_voters(found, EnsembleConfig(heads="all"), trained=found, collapsed={})
    assert selection.heads == (0, 2)


@pytest.mark.parametrize("weights", ["equal", "agreement", "loss"])
def test_votes_name_the_clusters_and_weigh_the_heads(weights: str) -> None:
    doubtful = np.where(np.arange(60) % 4 == 0, 0, TRUTH)
    found = heads(TRUTH, (TRUTH + 1) % 3, doubtful, TRUTH, sizes=(3, 3, 3, 3))
    votes = align_voters(
        found, TRUTH, (0, 1, 2), settings={"weights": weights}, mappings=None, is_sure=True
    )
    np.testing.assert_array_equal(votes.names, [[0, 1, 2], [2, 0, 1], [0, 1, 2]])
    if weights == "loss":
        expected = loss_weights(LOSS[:3])
        np.testing.assert_allclose(votes.votes / votes.votes.max(), expected / expected.max(), 1e-5)
    else:
        assert votes.votes[0] == votes.votes[1]
        assert (votes.votes[2] < votes.votes[0]) == (weights == "agreement")


def test_merged_clusters_are_named_as_what_they_are_merged_to() -> None:
    found = heads(TRUTH, TRUTH, TRUTH, TRUTH, sizes=(3, 3, 3, 3))
    mapping = np.array([2, 0, -1, 1], np.int32)
    votes = align_voters(found, TRUTH, (1,), settings={}, mappings=[mapping], is_sure=True)
    np.testing.assert_array_equal(votes.names, [[2, 0, -1, 1]])


def test_nobody_votes_where_nothing_is_sure() -> None:
    found = heads(TRUTH, TRUTH, TRUTH, TRUTH, sizes=(3, 3, 3, 3))
    votes = align_voters(found, TRUTH, (0, 1), settings={}, mappings=None, is_sure=False)
    assert votes.votes.tolist() == [0, 0]
