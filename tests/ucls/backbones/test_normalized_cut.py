"""Against the public code's results and a NumPy version of the paper's equations."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.ndimage import label

from ucls.backbones import normalized_cut
from ucls.backbones.normalized_cut import cut_patches

FIXTURE = Path(__file__).parents[1] / "masks" / "fixtures" / "tokencut.npz"


def cut(features: NDArray[Any]) -> NDArray[np.bool_]:
    """The mask of one image."""
    mask: NDArray[np.bool_] = cut_patches(torch.from_numpy(features)[None])[0].numpy()
    return mask


def by_numpy(features: NDArray[Any], tau: float = 0.2) -> NDArray[np.bool_]:
    """Equations 1 to 4 of the paper as they stand there, of one image [h, w, D]."""
    flat = features.reshape(-1, features.shape[2]).astype(np.float64)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    links = np.where(flat @ flat.T > tau, 1.0, 1e-5)
    if links.min() == 1:
        return np.ones(features.shape[:2], bool)
    degrees = np.diag(links.sum(axis=1))
    vector = eigh(degrees - links, degrees)[1][:, 1]
    seed = int(np.abs(vector).argmax())
    side = (vector > vector.mean()).reshape(features.shape[:2])
    pieces, _ = label(side == side.flat[seed])
    found: NDArray[np.bool_] = pieces == pieces.flat[seed]
    return found


@pytest.mark.parametrize("number", range(4))
def test_it_cuts_as_the_public_code_does(number: int) -> None:
    with np.load(FIXTURE) as file:
        features, mask = file[f"features_{number}"], file[f"mask_{number}"]
    np.testing.assert_array_equal(cut(features), mask)


@pytest.mark.parametrize("seed", range(3))
def test_one_piece_that_is_unlike_the_rest_is_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    kinds = np.linalg.qr(rng.normal(size=(12, 2)))[0].T
    is_object = np.zeros((9, 11), int)
    is_object[2:5, 3:7] = 1
    features = kinds[is_object] + 0.05 * rng.normal(size=(9, 11, 12))
    np.testing.assert_array_equal(cut(features), is_object == 1)
    np.testing.assert_array_equal(cut(features * 7), is_object == 1)
    np.testing.assert_array_equal(by_numpy(features), is_object == 1)


def test_of_two_pieces_that_are_alike_one_is_taken() -> None:
    pieces = np.zeros((2, 9, 11), int)
    pieces[0, 2:5, 3:7] = pieces[1, 7:, 9:] = 1
    found = cut(np.eye(2)[pieces.sum(axis=0)])
    assert sum(np.array_equal(found, piece) for piece in pieces == 1) == 1


def test_where_all_patches_are_alike_nothing_stands_out() -> None:
    assert cut(np.ones((4, 5, 3))).all()


def test_a_batch_is_cut_image_by_image(monkeypatch: pytest.MonkeyPatch) -> None:
    features = np.random.default_rng(0).normal(size=(5, 7, 6, 9)).astype(np.float32)
    features[2] = 1
    expected = np.stack([by_numpy(one) for one in features])
    monkeypatch.setattr(normalized_cut, "_AT_ONCE", 2)
    found = cut_patches(torch.from_numpy(features))
    assert found.dtype == torch.bool
    np.testing.assert_array_equal(found.numpy(), expected)


def test_a_lower_tau_links_more() -> None:
    features = np.random.default_rng(0).normal(size=(1, 6, 4, 3))
    assert cut_patches(torch.from_numpy(features), tau=-1).all()
    assert not cut_patches(torch.from_numpy(features)).all()
