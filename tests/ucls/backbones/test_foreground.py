import numpy as np
import pytest
import torch

from tests.ucls.backbones.test_normalized_cut import by_numpy
from ucls.backbones.build import build_backbone
from ucls.backbones.foreground import mean_of_masked
from ucls.backbones.normalized_cut import cut_patches
from ucls.backbones.patch_keys import PatchKeys
from ucls.backbones.protocol import Precision
from ucls.errors import UsageError


def pictures(n: int, side: int = 80) -> torch.Tensor:
    """Squares of one colour on noise of another, uint8 [n, 3, side, side]."""
    generator = torch.Generator().manual_seed(3)
    batch = torch.randint(0, 90, (n, 3, side, side), generator=generator, dtype=torch.uint8)
    for number, picture in enumerate(batch):
        start = 16 * (number % 3)
        picture[number % 3, start : start + 32, 16:48] = 255
    return batch


@pytest.mark.slow
@pytest.mark.parametrize("name", ["test_vit", "vit_small_patch14_reg4_dinov2.lvd142m"])
def test_it_is_the_mean_patch_of_tokencuts_mask(name: str) -> None:
    size = 80 if name == "test_vit" else 70
    options = {"image_size": size, "weights": "random"}
    plain = build_backbone(name, **options)
    backbone = build_backbone(f"{name}-foreground", **options)
    batch = pictures(4, size)
    keys = PatchKeys(plain)(batch).numpy()
    pixels = batch.float().div(255).sub(plain._mean).div(plain._std)
    final = plain.model.forward_features(pixels)[:, plain.model.num_prefix_tokens :].numpy()
    masks = np.stack([by_numpy(one).ravel() for one in keys])
    is_plain = masks.all(axis=1)
    assert not is_plain.all()
    expected = np.stack([one[mask].mean(axis=0) for one, mask in zip(final, masks, strict=True)])

    found = backbone.encode(batch)
    np.testing.assert_allclose(found.patch_mean, expected, atol=1e-5)
    ordinary = plain.encode(batch)
    assert torch.equal(found.cls, ordinary.cls)
    assert not torch.allclose(found.patch_mean, ordinary.patch_mean, atol=1e-3)
    assert found.is_plain.tolist() == is_plain.tolist()


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_the_mean_is_in_single_precision_whatever_the_network_is_in(precision: Precision) -> None:
    backbone = build_backbone(
        "test_vit-foreground", image_size=80, weights="random", precision=precision
    )
    batch = pictures(2)
    found = backbone.encode(batch).patch_mean
    masks = cut_patches(PatchKeys(backbone)(batch)).flatten(1)
    patches = backbone.dense(batch).flatten(1, 2)
    expected = [own[mask].mean(dim=0) for own, mask in zip(patches, masks, strict=True)]
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, torch.stack(expected), atol=1e-6, rtol=1e-5)


def test_its_spec_is_that_of_the_vit_under_another_name() -> None:
    plain = build_backbone("test_vit", image_size=32, weights="random").spec
    spec = build_backbone("test_vit-foreground", image_size=32, weights="random").spec
    assert spec.name == "test_vit-foreground-untrained"
    assert spec.weights_hash == plain.weights_hash
    assert spec.has_patch_mean


def test_where_nothing_stands_out_all_patches_count() -> None:
    options = {"image_size": 64, "weights": "random"}
    batch = pictures(2, 64)
    batch[0] = 7
    backbone, plain = (build_backbone(n, **options) for n in ("test_vit-foreground", "test_vit"))
    # Positions tell even the patches of an empty picture apart.
    for one in (backbone, plain):
        one.model.pos_embed.zero_()
    found, ordinary = (one.encode(batch) for one in (backbone, plain))
    torch.testing.assert_close(found.patch_mean[0], ordinary.patch_mean[0])
    assert not torch.allclose(found.patch_mean[1], ordinary.patch_mean[1], atol=1e-3)
    assert found.is_plain.tolist() == [True, False]
    assert ordinary.is_plain is None


def test_objects_are_alike_whatever_is_behind_them() -> None:
    rng = np.random.default_rng(0)
    colours = np.array([[230, 40, 40], [40, 230, 40], [40, 40, 230], [230, 230, 40]])
    classes = rng.integers(0, 4, 160)
    images = rng.integers(0, 256, (160, 1, 1, 3)) + rng.normal(0, 12, (160, 96, 96, 3))
    for image, kind in zip(images, classes, strict=True):
        y, x = 16 * rng.integers(0, 5, 2)
        image[y : y + 32, x : x + 32] = colours[kind] + rng.normal(0, 12, (32, 32, 3))
    batch = torch.from_numpy(images.clip(0, 255).astype(np.uint8)).permute(0, 3, 1, 2)

    def share_of_alike_neighbours(name: str) -> float:
        features = build_backbone(name, image_size=96, weights="random").encode(batch).patch_mean
        features = torch.nn.functional.normalize(features - features.mean(dim=0))
        nearest = (features @ features.T).fill_diagonal_(-1).argmax(dim=1).numpy()
        return float((classes[nearest] == classes).mean())

    assert share_of_alike_neighbours("test_vit") < 0.5
    assert share_of_alike_neighbours("test_vit-foreground") > 0.7


def test_the_mean_over_a_mask() -> None:
    patches = torch.arange(12.0).view(2, 3, 2)
    masks = torch.tensor([[True, False, True], [False, True, False]])
    assert mean_of_masked(patches, masks).tolist() == [[2, 3], [8, 9]]


@pytest.mark.parametrize("name", ["pixels-foreground", "resnet18-foreground"])
def test_networks_without_patches_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="gives one vector per image, without patches"):
        build_backbone(name, image_size=32, weights="random")
