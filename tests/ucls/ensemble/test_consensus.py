import subprocess
import sys

import numpy as np
import pytest

from ucls.ensemble import Consensus, consensus
from ucls.ensemble.alignment import align
from ucls.ensemble.mutual_information import average_nmi
from ucls.errors import UsageError
from ucls.metrics import clustering_accuracy

METHODS = ["mcla", "vote"]
both_methods = pytest.mark.parametrize("method", METHODS)
some_seeds = pytest.mark.parametrize("seed", range(4))


@both_methods
@some_seeds
def test_the_consensus_beats_every_head(method, seed, make_heads):
    truth, heads = make_heads(seed)
    result = consensus(heads, 10, method=method, seed=seed)
    best = max(clustering_accuracy(truth, head) for head in heads)
    assert clustering_accuracy(truth, result.labels) > max(best, 0.99)


@both_methods
@some_seeds
def test_unequal_classes_survive(method, seed, make_heads):
    shares = np.array([0.25, 0.2, 0.15, 0.1, 0.08, 0.07, 0.06, 0.04, 0.03, 0.02])
    truth, heads = make_heads(seed, n_images=4000, shares=shares)
    result = consensus(heads, 10, method=method, seed=seed)
    assert clustering_accuracy(truth, result.labels) > 0.98
    assert result.occupied_clusters == 10


@both_methods
@some_seeds
def test_numbering_of_the_heads_does_not_matter(method, seed, make_heads, same_partition):
    _, heads = make_heads(seed, error=0.5)
    rng = np.random.default_rng(seed)
    renamed = np.stack([rng.permutation(100)[head] for head in heads])
    first = consensus(heads, 10, method=method)
    second = consensus(renamed, 10, method=method)
    assert same_partition(first.labels, second.labels)
    assert np.array_equal(first.confidence, second.confidence)


@both_methods
@some_seeds
def test_the_same_seed_gives_the_same_labels(method, seed, make_heads):
    _, heads = make_heads(seed, error=0.6)
    first, second = (consensus(heads, 10, method=method, seed=seed) for _ in range(2))
    assert np.array_equal(first.labels, second.labels)


def test_another_seed_may_give_other_labels():
    heads = np.random.default_rng(0).integers(0, 10, (10, 500))
    first, second = (consensus(heads, 5, seed=seed) for seed in (1, 2))
    assert not np.array_equal(first.labels, second.labels)


@both_methods
def test_the_figures_are_what_they_say(method, make_heads):
    _, heads = make_heads(0, n_images=300, error=0.4)
    heads[:3, 50:90] = -1
    result = consensus(heads, 10, method=method)
    assert isinstance(result, Consensus)
    assert result.method == method
    assert (result.labels.dtype, result.confidence.dtype) == (np.int32, np.float32)
    assert result.cluster_sizes.dtype == np.int64
    assert np.array_equal(result.cluster_sizes, np.bincount(result.labels, minlength=10))
    assert result.occupied_clusters == np.count_nonzero(result.cluster_sizes)
    assert result.anmi == pytest.approx(average_nmi(heads, result.labels))
    assert result.seconds > 0.0
    agree = align(heads, result.labels, 10) == result.labels
    expected = [agree[heads[:, i] >= 0, i].mean() for i in range(300)]
    assert result.confidence == pytest.approx(expected)


def test_mcla_with_revote_is_the_default():
    heads = np.random.default_rng(0).integers(0, 4, (5, 100))
    default = consensus(heads, 4)
    assert default.method == "mcla"
    for options, equal in (
        ({"method": "mcla", "revote": True, "min_jaccard": 0.02, "seed": 0}, True),
        ({"method": "vote"}, False),
        ({"revote": False}, False),
    ):
        assert np.array_equal(default.labels, consensus(heads, 4, **options).labels) == equal


@both_methods
def test_one_head_is_returned_as_it_is(method):
    result = consensus([[5, 9, 5, -1, 7]], 3, method=method)
    assert result.labels.tolist() == [0, 2, 0, -1, 1]
    assert result.confidence.tolist() == [1, 1, 1, 0, 1]
    assert result.anmi == pytest.approx(1.0)
    assert result.notes[0] == "only one head: returned as it is"
    assert result.notes[1].startswith("1 of 5 images are missing in all heads")


def test_one_head_with_fewer_clusters_leaves_some_empty():
    result = consensus([[1, 0, 1, 0]], 4)
    assert result.cluster_sizes.tolist() == [2, 2, 0, 0]
    assert result.occupied_clusters == 2
    assert "2 of 4 clusters are empty" in result.notes


def test_one_head_with_more_clusters_is_an_error():
    with pytest.raises(UsageError, match="only head has 3 clusters, more than n_clusters=2"):
        consensus([[0, 1, 2, 0]], 2)


@both_methods
def test_equal_heads_are_returned_as_they_are(method):
    head = np.array([0, 1, 1, 2, -1, 0])
    renamed = np.array([2, 0, 1, -1])[head]
    result = consensus(np.stack([head, renamed, head]), 3, method=method)
    assert result.labels.tolist() == head.tolist()
    assert result.confidence.tolist() == [1, 1, 1, 1, 0, 1]
    assert result.anmi == pytest.approx(1.0)
    assert result.notes[0] == "all 3 heads are equal: returned as it is"


def test_equal_heads_with_more_clusters_are_merged():
    head = np.repeat(np.arange(6), 5)
    result = consensus(np.stack([head] * 4), 3)
    assert set(result.labels.tolist()) == {0, 1, 2}
    assert all(len(set(group)) == 1 for group in result.labels.reshape(6, 5).tolist())


@both_methods
def test_a_head_with_one_cluster_is_left_out(method, make_heads):
    _, heads = make_heads(0, n_images=300)
    without = consensus(heads, 10, method=method)
    constant = np.full((1, 300), 4)
    result = consensus(np.vstack([heads[:2], constant, heads[2:]]), 10, method=method)
    assert np.array_equal(result.labels, without.labels)
    assert np.array_equal(result.confidence, without.confidence)
    assert result.anmi == without.anmi
    assert result.notes == ("head 2 has only one cluster: left out",)


def test_a_head_without_labels_is_left_out():
    result = consensus([[-1, -1, -1], [0, 1, 1]], 2)
    assert result.labels.tolist() == [0, 1, 1]
    assert result.notes == (
        "head 0 has no labels: left out",
        "only one head: returned as it is",
    )


@both_methods
def test_heads_of_one_cluster_alone_give_one_cluster(method):
    result = consensus([[0, 0, 0, -1], [3, 3, -1, 3], [1, 1, 1, -1]], 2, method=method)
    assert len(set(result.labels.tolist())) == 1
    assert result.occupied_clusters == 1
    assert result.notes == ("1 of 2 clusters are empty",)


@both_methods
def test_images_missing_everywhere_get_no_label_and_are_noted(method, make_heads):
    _, heads = make_heads(0, n_images=300)
    heads[:, [3, 200]] = -1
    result = consensus(heads, 10, method=method)
    assert np.flatnonzero(result.labels == -1).tolist() == [3, 200]
    assert np.flatnonzero(result.confidence == 0).tolist() == [3, 200]
    assert result.cluster_sizes.sum() == 298
    assert result.notes == ("2 of 300 images are missing in all heads: label -1, confidence 0",)


@both_methods
@some_seeds
def test_labels_missing_here_and_there_do_no_harm(method, seed, make_heads):
    truth, heads = make_heads(seed)
    heads[np.random.default_rng(seed).random(heads.shape) < 0.3] = -1
    labels = consensus(heads, 10, method=method).labels
    assert clustering_accuracy(truth, labels) > 0.98


@both_methods
def test_more_clusters_than_the_heads_have_together(method):
    result = consensus([[0, 0, 1, 1, 1, 0], [0, 1, 1, 1, 0, 0]], 5, method=method)
    assert 0 <= result.labels.min() <= result.labels.max() < 5
    assert len(result.cluster_sizes) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_clusters": 1}, "between 2 and the number of images, 4, got 1"),
        ({"n_clusters": 5}, "between 2 and the number of images, 4, got 5"),
        ({"n_clusters": 2.0}, r"n_clusters must be an integer, got 2\.0"),
        ({"method": "best"}, "must be one of mcla, vote, got 'best'"),
        ({"seed": -1}, "seed must be an integer in .*got -1"),
        ({"seed": 2**31}, "got 2147483648"),
        ({"seed": 0.5}, r"got 0\.5"),
        ({"min_jaccard": 1.5}, r"min_jaccard must be in 0\.\.1, got 1\.5"),
        ({"min_jaccard": float("nan")}, r"min_jaccard must be in 0\.\.1, got nan"),
    ],
)
def test_wrong_options_are_usage_errors_of_one_line(options, message):
    options = {"n_clusters": 2, **options}
    with pytest.raises(UsageError, match=message) as caught:
        consensus([[0, 1, 0, 1], [0, 1, 1, 1]], options.pop("n_clusters"), **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("labels", [[[0.0, 1.0]], [[0, -2]], [0, 1], [[]]])
def test_wrong_labels_are_usage_errors(labels):
    with pytest.raises(UsageError):
        consensus(labels, 2)


def test_the_given_labels_stay_untouched(make_heads):
    _, heads = make_heads(0, n_images=100)
    before = heads.copy()
    result = consensus(heads, 10)
    assert np.array_equal(heads, before)
    assert not np.shares_memory(result.labels, heads)


LIGHT = """
import sys
import ucls.ensemble
assert not {"scipy", "pymetis"} & set(sys.modules), "the import is not light"
import numpy as np
heads = np.random.default_rng(0).integers(0, 3, (4, 60))
for method in ("mcla", "vote"):
    ucls.ensemble.consensus(heads, 3, method=method)
heavy = {"torch", "timm", "sklearn", "faiss", "h5py", "pandas"} & set(sys.modules)
assert not heavy, heavy
"""


def test_no_heavy_imports():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LIGHT], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("method", ["mcla", "vote"])
def test_progress_counts_the_pairs_of_heads(method: str) -> None:
    told: list[int] = []
    heads = np.random.default_rng(0).integers(0, 3, (5, 60))
    consensus(heads, 3, method=method, advance=lambda amount=1, /, **_: told.append(amount))
    assert sum(told) == 10
