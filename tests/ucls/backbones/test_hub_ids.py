import pytest
import timm

from ucls.backbones.hub_ids import HUB_IDS
from ucls.backbones.names import BACKBONES, canonical_name


@pytest.mark.parametrize(("hub_id", "name"), HUB_IDS.items(), ids=HUB_IDS)
def test_each_is_another_name_for_weights_known_here(hub_id, name):
    assert canonical_name(hub_id) == canonical_name(name) == name
    assert name in BACKBONES or timm.get_pretrained_cfg(name) is not None


@pytest.mark.parametrize(
    ("hub_id", "name"),
    [
        ("facebook/dinov2-small", "dinov2_vits14"),
        ("facebook/dinov2-with-registers-base", "dinov2_vitb14_reg4"),
        ("facebook/dinov3-vits16-pretrain-lvd1689m", "dinov3_vits16"),
        ("facebook/dino-vits16", "dino_vits16"),
        ("openai/clip-vit-base-patch32", "clip_vitb32"),
        ("google/siglip-base-patch16-224", "siglip_vitb16"),
        ("google/vit-base-patch16-224-in21k", "vit_base_patch16_224.orig_in21k"),
        ("facebook/vit-mae-base", "mae_vitb16"),
        ("facebook/ijepa_vith14_1k", "vit_huge_patch14_gap_224.in1k_ijepa"),
    ],
)
def test_some_of_them(hub_id, name):
    assert canonical_name(hub_id) == name
