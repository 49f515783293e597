import subprocess
import sys

import pytest
import timm
import torch

from ucls.backbones.names import BACKBONES, canonical_name


@pytest.mark.slow
@pytest.mark.parametrize("info", BACKBONES.values(), ids=list(BACKBONES))
def test_the_table_agrees_with_timm(info):
    with torch.device("meta"):
        model = timm.create_model(info.timm_name, pretrained=False, num_classes=0)
    assert model.num_features == info.width
    assert model.patch_embed.patch_size == (info.patch_size, info.patch_size)
    native = model.pretrained_cfg["input_size"][-1]
    assert info.image_size == (224 if info.family.startswith("DINOv2") else native)
    assert info.image_size % info.patch_size == 0
    if info.is_hosted and info.family != "CLIP":
        assert model.pretrained_cfg["license"] == info.license
    assert (model.pretrained_cfg["mean"][0] == 0.485) == (info.family[:4] not in ("CLIP", "SigL"))


@pytest.mark.parametrize("info", BACKBONES.values(), ids=list(BACKBONES))
def test_every_name_of_a_backbone_becomes_its_short_one(info):
    assert canonical_name(info.name) == info.name
    if info.is_hosted:
        assert canonical_name(info.timm_name) == info.name
        assert canonical_name(f"timm/{info.timm_name}") == info.name
    architecture, _, tag = info.timm_name.partition(".")
    if canonical_name(architecture) == info.name:
        assert timm.get_pretrained_cfg(architecture).tag == tag


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("vit_small_patch14_reg4_dinov2", "dinov2_vits14_reg4"),
        ("timm/vit_small_patch16_dinov3", "dinov3_vits16"),
        ("vit_small_patch16_224.dino", "dino_vits16"),
        ("vit_small_patch16_224", "vit_small_patch16_224"),
        ("vit_tiny_patch16_224.augreg_in21k_ft_in1k", "vit_tiny_patch16_224.augreg_in21k_ft_in1k"),
        ("vit_large_patch16_dinov3.sat493m", "vit_large_patch16_dinov3.sat493m"),
        ("vit_base_patch16_clip_224.openai", "vit_base_patch16_clip_224.openai"),
        ("timm/test_vit", "test_vit"),
        ("pixels", "pixels"),
        ("features", "features"),
    ],
)
def test_canonical_names(name, canonical):
    assert canonical_name(name) == canonical


def test_names_need_neither_torch_nor_timm():
    code = "import ucls.backbones.names, sys; sys.exit(bool({'torch', 'timm'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_how_timm_and_openclip_write_an_id() -> None:
    for start in ("hf-hub:", "hf_hub:", ""):
        assert canonical_name(f"{start}timm/vit_small_patch16_224.dino") == "dino_vits16"
        assert canonical_name(f"{start}timm/resnet18.a1_in1k") == "resnet18.a1_in1k"
        assert canonical_name(f"{start}facebook/dinov2-small") == "dinov2_vits14"
