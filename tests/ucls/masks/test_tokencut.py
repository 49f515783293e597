from pathlib import Path

import numpy as np
import pytest
import torch

from ucls.errors import UsageError
from ucls.masks.tokencut import build, cut_patches
from ucls.settings.masks import MasksConfig, TokenCutOptions

FIXTURE = Path(__file__).parent / "fixtures" / "tokencut.npz"


@pytest.mark.parametrize("number", range(4))
def test_it_cuts_as_the_public_code_does(number: int) -> None:
    with np.load(FIXTURE) as file:
        features, mask = file[f"features_{number}"], file[f"mask_{number}"]
    np.testing.assert_array_equal(cut_patches(features, tau=0.2), mask)


@pytest.mark.parametrize("seed", range(3))
def test_one_piece_that_is_unlike_the_rest_is_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    kinds = np.linalg.qr(rng.normal(size=(12, 2)))[0].T
    is_object = np.zeros((9, 11), int)
    is_object[2:5, 3:7] = 1
    features = kinds[is_object] + 0.05 * rng.normal(size=(9, 11, 12))
    np.testing.assert_array_equal(cut_patches(features, tau=0.2), is_object == 1)
    np.testing.assert_array_equal(cut_patches(features * 7, tau=0.2), is_object == 1)


def test_of_two_pieces_that_are_alike_one_is_taken() -> None:
    pieces = np.zeros((2, 9, 11), int)
    pieces[0, 2:5, 3:7] = pieces[1, 7:, 9:] = 1
    found = cut_patches(np.eye(2)[pieces.sum(axis=0)], tau=0.2)
    assert sum(np.array_equal(found, piece) for piece in pieces == 1) == 1


def test_where_all_patches_are_alike_nothing_stands_out() -> None:
    assert cut_patches(np.ones((4, 5, 3)), tau=0.2).all()


def test_a_random_vit_gives_a_mask_of_its_patches() -> None:
    config = MasksConfig(backbone="timm/vit_tiny_patch16_224", weights="random", device="cpu")
    masker = build(config, TokenCutOptions(image_size=64))
    assert (masker.image_size, masker.channels, masker.threshold) == (64, 3, 0.5)
    pixels = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    masks = masker(pixels)
    assert masks.shape == (2, 4, 4)
    assert masks.dtype == torch.float32
    assert set(masks.unique().tolist()) <= {0.0, 1.0}
    assert torch.equal(masks, masker(pixels))


def test_a_backbone_without_patches_is_one_sentence() -> None:
    config = MasksConfig(backbone="timm/resnet18", weights="random", device="cpu")
    with pytest.raises(UsageError, match=r"resnet18.* has no keys of patches: take a vision"):
        build(config, TokenCutOptions())
    with pytest.raises(UsageError, match=r"backbone pixels has no keys of patches"):
        build(MasksConfig(backbone="pixels", device="cpu"), TokenCutOptions())
