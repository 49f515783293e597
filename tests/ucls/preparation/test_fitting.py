import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ucls.errors import UsageError
from ucls.preparation.fitting import fit_space

Features = NDArray[np.float32]


def classes(seed: int, n: int = 400, width: int = 32) -> Features:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(8, width))
    return (centres[np.arange(n) % 8] + 0.5 * rng.normal(size=(n, width))).astype("f4")


def prepared(features: Features, wanted: str) -> Features:
    found: Features = fit_space(features, wanted).space(torch.from_numpy(features)).numpy()
    return found


def masked(seed: int) -> Features:
    """Unit vectors of 30 classes, moved along one direction that has nothing to do with them."""
    rng = np.random.default_rng(seed)
    centres, direction = rng.normal(size=(30, 128)), rng.normal(size=128) / 128**0.5
    rows = centres[np.arange(1500) % 30] + 1.5 * rng.normal(size=(1500, 128))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows + np.outer(0.8 + 0.6 * rng.normal(size=1500), direction)).astype("f4")


def test_features_that_serve_are_centred() -> None:
    fitted = fit_space(classes(0) + np.float32(5), "auto")
    assert fitted.space.kind == "center"
    assert "mean makes 9" in fitted.reason
    unit = prepared(classes(0) + np.float32(5), "auto")
    np.testing.assert_allclose(unit.mean(axis=0), 0.0, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_columns_that_outshout_others_are_standardised(seed: int) -> None:
    features = classes(seed)
    features[:, :2] *= 100
    assert fit_space(features, "auto").space.kind == "standardize"
    found = prepared(features, "auto")
    np.testing.assert_allclose(found.mean(axis=0), 0.0, atol=1e-4)
    np.testing.assert_allclose(found.std(axis=0), 1.0, rtol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_a_direction_that_makes_hubs_is_left_out(seed: int) -> None:
    fitted = fit_space(masked(seed), "auto")
    assert fitted.space.kind == "center-1"
    assert "without direction 1" in fitted.reason
    assert fitted.space.dropped is not None
    after = fitted.space(torch.from_numpy(masked(seed)))
    np.testing.assert_allclose(after @ fitted.space.dropped, 0.0, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_second", [1000, 200])
def test_a_direction_that_tells_two_groups_apart_stays(seed: int, n_second: int) -> None:
    rng = np.random.default_rng(seed)
    second = np.arange(2000) < n_second
    centres = rng.normal(size=(2, 256))
    features = (centres[second.astype(int)] + 0.9 * rng.normal(size=(2000, 256))).astype("f4")
    assert fit_space(features, "auto").space.kind == "center"
    along = prepared(features, "auto") @ (centres[1] - centres[0])
    assert along[second].min() > along[~second].max()


def test_the_scale_of_all_does_not_matter() -> None:
    for size in (1e-20, 1e15):
        found = prepared(classes(1) * np.float32(size), "auto")
        np.testing.assert_allclose(found, prepared(classes(1), "auto"), atol=1e-5)


@pytest.mark.parametrize(("wanted", "width"), [("none", 40), ("center-2", 40), ("pca-3", 37)])
def test_what_is_asked_for_is_done(wanted: str, width: int) -> None:
    fitted = fit_space(classes(0, width=40), wanted)
    assert (fitted.space.kind, fitted.reason) == (wanted, "")
    assert prepared(classes(0, width=40), wanted).shape == (400, width)


def test_components_are_those_of_the_largest_variance() -> None:
    features = classes(2, width=200)
    found = prepared(features, "pca")
    _, singular, rows = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    expected = (features - features.mean(axis=0)) @ rows[:128].T
    assert found.shape == (400, 128)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=2e-3)
    whitened = prepared(features, "whiten")
    np.testing.assert_allclose(np.cov(whitened.T, bias=True), np.eye(128), atol=1e-3)
    assert singular[0] > singular[127]


def test_columns_that_never_vary_are_no_trouble() -> None:
    features = classes(0)
    features[:, 3] = 7
    for wanted in ("standardize", "whiten", "center-1"):
        assert np.isfinite(prepared(features, wanted)).all()
    assert (prepared(features, "standardize")[:, 3] == 0).all()


def test_equal_rows_are_no_trouble() -> None:
    for wanted in ("auto", "standardize", "whiten", "pca-1"):
        assert np.isfinite(prepared(np.ones((6, 4), "f4"), wanted)).all()


def test_it_is_the_same_every_time() -> None:
    assert np.array_equal(prepared(masked(0), "auto"), prepared(masked(0), "auto"))


@pytest.mark.parametrize("width", [1, 2, 16])
def test_few_columns_are_compared_by_distance(width: int) -> None:
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(200, width)) + 30).astype("f4")
    fitted = fit_space(features, "auto")
    assert fitted.space.kind == "distance"
    assert fitted.space.prepared_width == width + 1
    found = fitted.space(torch.from_numpy(features)).numpy()
    np.testing.assert_allclose(found[:, :-1], features - np.sort(features, axis=0)[99], atol=1e-4)
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    nearest = np.argsort(-unit @ unit.T, axis=1)[:, 1:6]
    distances = np.linalg.norm(features[:, None] - features, axis=2)
    expected = np.argsort(distances, axis=1)[:, 1:6]
    shared = [len(np.intersect1d(*pair)) for pair in zip(nearest, expected, strict=True)]
    assert np.mean(shared) > 4.5


def test_few_columns_of_uneven_scale_count_alike() -> None:
    features = np.random.default_rng(0).normal(size=(200, 6)).astype("f4")
    features[:, 0] *= 1000
    found = fit_space(features, "auto").space(torch.from_numpy(features))
    np.testing.assert_allclose(found[:, :-1].std(dim=0, correction=0), 1.0, rtol=1e-3)
    lengths = found[:, :-1].norm(dim=1)
    np.testing.assert_allclose(found[:, -1], 4 * lengths.median(), rtol=1e-3)


def test_a_few_far_away_leave_the_neighbours_of_the_others() -> None:
    rng = np.random.default_rng(0)
    near = rng.normal(size=(500, 4))
    features = np.concatenate([near, 1e5 * rng.normal(size=(3, 4))]).astype("f4")
    height = fit_space(features, "distance").space.height
    assert height is not None
    assert 4 < float(height) < 20


def test_three_columns_can_be_uneven() -> None:
    features = np.random.default_rng(0).normal(size=(300, 3)).astype("f4") * np.float32(
        [1e4, 0.5, 1]
    )
    found = fit_space(features, "auto").space(torch.from_numpy(features))
    np.testing.assert_allclose(found[:, :3].std(dim=0, correction=0), 1.0, rtol=1e-3)


def test_a_small_column_beside_a_huge_one_is_kept() -> None:
    features = classes(0)
    features[:, 0] *= 1e8
    np.testing.assert_allclose(prepared(features, "standardize").std(axis=0), 1.0, rtol=1e-3)


@pytest.mark.parametrize("wanted", ["center-3", "pca-9", "standardize-4"])
def test_what_would_leave_nothing_is_refused(wanted: str) -> None:
    with pytest.raises(UsageError, match=f"prepare = {wanted} leaves nothing .* with 3 columns"):
        fit_space(classes(0, width=3), wanted)
