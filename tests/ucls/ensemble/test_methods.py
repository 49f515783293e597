import numpy as np
import pytest

from ucls.ensemble import consensus
from ucls.ensemble.methods import METHODS, all_options, method_names, methods_with, n_steps
from ucls.progress import ignore_progress


def given(**changed):
    defaults = {name: option.default for name, option in all_options().items()}
    needed = {"seed": 0, "weights": None, "numbers": None, "advance": ignore_progress}
    return {**defaults, **needed, **changed}


def test_all_comes_last_of_the_names():
    assert method_names() == ("mcla", "vote", "hbgf", "cspa", "nmf", "hgpa", "all")


def test_methods_share_options():
    assert list(all_options()) == ["min_jaccard", "vertex_weights", "revote", "imbalance"]
    assert methods_with("revote") == ["mcla"]
    assert methods_with("imbalance") == ["hbgf", "cspa", "hgpa"]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_labels_every_image(method, make_heads):
    _, heads = make_heads(0, n_images=200, n_clusters=5)
    labels = METHODS[method].combine(heads, 5, given())
    assert labels.dtype == np.int32
    assert labels.shape == (200,)
    assert 0 <= labels.min() <= labels.max() < 5


@pytest.mark.slow
@pytest.mark.parametrize("n_clusters", [3, 9, 20])
@pytest.mark.parametrize("n_heads", [2, 8])
@pytest.mark.parametrize("method", ["mcla", "vote", "hbgf", "cspa", "hgpa"])
def test_no_cluster_is_empty_where_classes_are_unequal(method, n_heads, n_clusters, make_heads):
    shares = np.geomspace(20, 1, n_clusters)
    _, heads = make_heads(
        0,
        n_images=600,
        n_clusters=n_clusters,
        n_heads=n_heads,
        error=0.05,
        shares=shares / shares.sum(),
    )
    for combined in (heads, heads % (n_clusters - 1)):
        found = consensus(combined, n_clusters, method=method)
        # Where all heads have fewer clusters than asked, only what cuts a graph makes more.
        if combined is heads or method in ("hbgf", "cspa", "hgpa"):
            assert found.occupied_clusters == n_clusters
            assert found.notes == ()


@pytest.mark.parametrize(
    ("method", "changed"),
    [
        ("mcla", {"revote": False}),
        ("mcla", {"min_jaccard": 0.07}),
        ("mcla", {"vertex_weights": "size"}),
        ("mcla", {"weights": np.array([50.0, 1, 1, 1, 1, 1])}),
        ("vote", {"weights": np.array([50.0, 1, 1, 1, 1, 1])}),
        ("hbgf", {"imbalance": 0.03}),
        ("hbgf", {"seed": 2}),
        ("cspa", {"imbalance": 0.03}),
        ("cspa", {"seed": 2}),
        ("hgpa", {"imbalance": 0.5}),
    ],
)
def test_options_reach_the_methods_that_take_them(method, changed, make_heads):
    _, heads = make_heads(0, n_images=500, n_clusters=10, n_heads=6, error=0.75)
    name = next(iter(changed))
    assert name in METHODS[method].needs or method in methods_with(name)
    first, second = (
        METHODS[method].combine(heads, 10, values) for values in (given(), given(**changed))
    )
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("n_heads", [2, 5])
@pytest.mark.parametrize("method", method_names())
def test_progress_is_told_as_often_as_promised(method, n_heads):
    told = []
    heads = np.random.default_rng(0).integers(0, 3, (n_heads, 60))
    consensus(heads, 3, method=method, advance=lambda amount=1, /, **_: told.append(amount))
    assert sum(told) == n_steps(method, n_heads)


def test_the_steps_of_all_are_those_of_every_method():
    assert n_steps("mcla", 6) == n_steps("vote", 6) == 15
    assert n_steps("all", 6) == sum(n_steps(method, 6) for method in METHODS)
