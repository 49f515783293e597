import pytest
import torch

from ucls.errors import UclsError, UsageError
from ucls.masks.tokencut import build
from ucls.settings.masks import MasksConfig, TokenCutOptions


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


def test_without_weights_it_offers_what_masks_can_be_made_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def is_offline(name: str) -> str:
        raise OSError(name)

    monkeypatch.setattr("ucls.backbones.timm_loading._find_in_hub", is_offline)
    with pytest.raises(
        UclsError, match=r"no weights for dino_vits16: .*--method contracam$"
    ) as told:
        build(MasksConfig(device="cpu"), TokenCutOptions())
    assert "--weights FILE" in str(told.value)
    assert "pixels" not in str(told.value)
