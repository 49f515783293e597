from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from ucls.ensemble import Comparison, comparison, consensus
from ucls.ensemble.comparison import agreement_of_methods
from ucls.ensemble.methods import METHODS, n_steps
from ucls.errors import UclsError

some_seeds = pytest.mark.parametrize("seed", range(3))
NEED_MEMORY = ["hbgf", "cspa", "nmf", "hgpa"]


@some_seeds
def test_all_keeps_the_highest_anmi(seed, make_hard_heads):
    _, heads = make_hard_heads(seed, n_images=300)
    kept = consensus(heads, 10, method="all", seed=seed)
    results = kept.comparison.results
    assert isinstance(kept.comparison, Comparison)
    assert list(results) == list(METHODS)
    assert kept.anmi == max(result.anmi for result in results.values())
    assert len({result.anmi for result in results.values()}) > 1
    assert np.array_equal(kept.labels, results[kept.method].labels)
    assert kept.comparison.left_out == {}
    assert kept.notes == results[kept.method].notes


def test_every_result_is_what_the_method_alone_gives(make_heads):
    _, heads = make_heads(0, n_images=300, error=0.5)
    heads[:, 7] = -1
    options = {"seed": 3, "weights": "agreement", "keep_k": True}
    for method, result in consensus(heads, 10, method="all", **options).comparison.results.items():
        alone = consensus(heads, 10, method=method, **options)
        assert result.method == method
        assert np.array_equal(result.labels, alone.labels)
        assert np.array_equal(result.confidence, alone.confidence)
        assert np.array_equal(result.cluster_sizes, alone.cluster_sizes)
        assert (result.anmi, result.notes) == (alone.anmi, alone.notes)
        assert result.seconds > 0
        assert result.comparison is None


def test_of_equals_the_first_is_kept():
    head = np.random.default_rng(0).integers(0, 4, 50)
    kept = consensus([head, 3 - head], 4, method="all")
    assert {result.anmi for result in kept.comparison.results.values()} == {kept.anmi}
    assert kept.method == "mcla"


@some_seeds
def test_agreement_equals_the_best_renaming(seed, random_heads):
    heads = random_heads(seed)
    heads[:, 5] = -1
    comparison = consensus(heads, 4, method="all", seed=seed).comparison
    labelings = [result.labels[heads.max(axis=0) >= 0] for result in comparison.results.values()]
    expected = [
        [
            max(np.mean(np.array(names)[a] == b) for names in permutations(range(4)))
            for a in labelings
        ]
        for b in labelings
    ]
    assert comparison.agreement == pytest.approx(np.array(expected))
    assert np.array_equal(comparison.agreement, comparison.agreement.T)
    assert np.diag(comparison.agreement).tolist() == [1.0] * len(METHODS)
    assert agreement_of_methods({}, 4).shape == (0, 0)


def test_methods_that_do_not_fit_are_left_out_with_their_reason(little_memory, metis, make_heads):
    _, heads = make_heads(0, n_images=300)
    told = []
    kept = consensus(heads, 10, method="all", advance=lambda amount=1, /, **_: told.append(amount))
    assert list(kept.comparison.results) == ["mcla", "vote"]
    assert list(kept.comparison.left_out) == NEED_MEMORY
    for method, reason in kept.comparison.left_out.items():
        assert reason.startswith(f"{method} would need about 0.0 GB of memory for ")
        assert f"{reason}; left out of 'all'" in kept.notes
    assert kept.comparison.agreement.shape == (2, 2)
    assert metis.n_calls == 1  # of mcla
    assert sum(told) == n_steps("all", 10)


def test_a_method_alone_that_does_not_fit_is_an_error(little_memory, metis, make_heads):
    _, heads = make_heads(0, n_images=300)
    for method in NEED_MEMORY:
        with pytest.raises(UclsError, match=f"{method} would need about"):
            consensus(heads, 10, method=method)
    assert metis.n_calls == 0


@pytest.mark.parametrize("method", ["cspa", "nmf", "hgpa"])
def test_too_much_work_is_left_out_but_done_alone(method, monkeypatch, make_heads):
    _, heads = make_heads(0, n_images=200)
    most = METHODS[method].work(heads, 10)
    monkeypatch.setitem(METHODS, method, replace(METHODS[method], largest=most))
    assert consensus(heads, 10, method="all").comparison.left_out == {}
    monkeypatch.setitem(METHODS, method, replace(METHODS[method], largest=most - 1))
    kept = consensus(heads, 10, method="all")
    assert list(kept.comparison.left_out) == [method]
    reason = kept.comparison.left_out[method]
    assert reason == (
        f"{method} would take very long for 10 heads, 200 images and 10 clusters: "
        f"run it alone with method {method}"
    )
    assert consensus(heads, 10, method=method).method == method


def test_a_method_that_cannot_combine_the_heads_is_left_out():
    heads = np.random.default_rng(0).integers(0, 9, (4, 40))
    kept = consensus(heads, 3, method="all")
    assert list(kept.comparison.left_out) == ["vote"]
    assert "vote needs a head with at most n_clusters=3" in kept.comparison.left_out["vote"]


def test_if_no_method_can_run_it_is_an_error(monkeypatch):
    too_large = {
        name: replace(method, work=lambda labels, n_clusters: 2.0, largest=1.0)
        for name, method in METHODS.items()
    }
    heads = np.array([[0, 1, 2, -1, -1, -1], [-1, -1, -1, 0, 1, 2]])
    monkeypatch.setattr(comparison, "METHODS", too_large)
    with pytest.raises(UclsError, match="no method could combine the heads: mcla would") as caught:
        consensus(heads, 3, method="all")
    assert "\n" not in str(caught.value)
