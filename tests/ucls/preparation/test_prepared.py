import json

import numpy as np
import pytest
import torch

from ucls.preparation.prepared import Preparation, PreparedSpace, unit_length


def drawn(n: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed)) + 2


def centred(width: int) -> PreparedSpace:
    return PreparedSpace("center", width, tensors={"mean": torch.full((width,), 0.1)})


@pytest.mark.parametrize("size", [1e-40, 1e-30, 1.0, 1e20, 1e38])
def test_rows_of_any_size_come_to_length_one(size: float) -> None:
    rows = torch.tensor([[3.0, -4.0], [0.0, 1.0]]) * (size / 4)
    expected = [[0.6, -0.8], [0.0, 1.0]]
    np.testing.assert_allclose(unit_length(rows), expected, rtol=1e-2 if size < 1e-38 else 1e-6)


def test_a_row_of_zeros_stays() -> None:
    assert unit_length(torch.zeros(1, 3)).tolist() == [[0.0, 0.0, 0.0]]


def test_nothing_to_do_leaves_features_as_they_are() -> None:
    features = drawn(5, 3)
    for preparation in (Preparation([]), Preparation([PreparedSpace("none", 3)])):
        assert preparation.is_none
        assert preparation(features) is features
        array = features.numpy()
        assert preparation.of_array(array) is array


def test_each_step_in_closed_form() -> None:
    features = drawn(6, 3)
    mean, scale = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2.0, 1.0, 0.5])
    dropped = torch.tensor([[0.6], [0.8], [0.0]])
    axes = torch.eye(3)[:, 1:]
    tensors = {"mean": mean, "scale": scale, "dropped": dropped, "axes": axes}
    space = PreparedSpace("standardize-1", 3, tensors=tensors)
    moved = (features - mean) * scale
    expected = (moved - (moved @ dropped) * dropped.T)[:, 1:]
    np.testing.assert_allclose(Preparation([space])(features), expected, atol=1e-6)


def test_only_centring_scales_rows_first() -> None:
    features = drawn(4, 3)
    expected = features / features.norm(dim=1, keepdim=True) - 0.1
    np.testing.assert_allclose(centred(3)(features), expected, atol=1e-6)
    assert not PreparedSpace("whiten-2", 3).has_unit_length


def test_several_spaces_count_alike_whatever_their_scales() -> None:
    features = torch.cat([drawn(7, 3), 1000 * drawn(7, 5, seed=1)], dim=1)
    prepared = Preparation([centred(3), PreparedSpace("none", 5)])(features)
    for part in prepared.split([3, 5], dim=1):
        np.testing.assert_allclose(part.norm(dim=1), 1.0, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["f2", "f4"])
@pytest.mark.parametrize("width", [4, 2])
def test_arrays_keep_their_width_and_precision_or_become_float32(dtype: str, width: int) -> None:
    axes = {"axes": torch.eye(4)[:, :width]} if width < 4 else {}
    preparation = Preparation([PreparedSpace("pca", 4, tensors={"mean": torch.ones(4), **axes})])
    array = drawn(9000, 4).numpy().astype(dtype)
    expected = (array.astype("f4") - 1)[:, :width]
    prepared = preparation.of_array(array)
    assert prepared.dtype == (dtype if width == 4 else np.float32)
    assert prepared.shape == (9000, width)
    assert (prepared is array) == (width == 4)
    np.testing.assert_allclose(prepared, expected, atol=1e-2 if dtype == "f2" else 1e-6)
    assert preparation.widths == [width]


def test_what_is_written_is_restored() -> None:
    spaces = [centred(3), PreparedSpace("pca-1", 4, tensors={"axes": torch.eye(4)[:, :2]})]
    preparation = Preparation(spaces)
    others = {"batch_norm.running_mean": np.zeros(3)}
    restored = Preparation.restore(preparation.describe(), {**preparation.tensors(), **others})
    assert json.loads(preparation.describe()) == [["center", 3], ["pca-1", 4]]
    assert (restored.kinds, restored.widths) == (("center", "pca-1"), [3, 2])
    features = drawn(5, 7)
    assert torch.equal(restored(features), preparation(features))


def test_a_space_that_is_omitted_leaves_no_columns() -> None:
    kept = PreparedSpace("center", 3, tensors={"mean": torch.tensor([0.1, 0.2, 0.3])})
    preparation = Preparation([PreparedSpace("omit", 2), kept])
    features = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)
    assert preparation.widths == [3]
    found = preparation.of_array(features.copy())
    np.testing.assert_array_equal(found, kept(torch.from_numpy(features[:, 2:])).numpy())
    restored = Preparation.restore(preparation.describe(), preparation.tensors())
    np.testing.assert_array_equal(restored.of_array(features.copy()), found)
