"""Folders that OpenCLIP saved, against the features that it computes."""

import json

import pytest
import torch

from tests.ucls.backbones.conftest import randomise
from ucls.backbones.build import build_backbone
from ucls.backbones.hub_folder import read_hub_folder, told_size
from ucls.backbones.local import find_local
from ucls.errors import UsageError

TEXT = {"context_length": 8, "vocab_size": 9, "width": 16, "heads": 2, "layers": 1}
TOWER = {"width": 64, "layers": 3, "head_width": 16, "patch_size": 8, "image_size": 32}


def images(size):
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))


def saved(folder, vision, *, safe=True, kind="CLIP", preprocess=None, **options):
    """As ``open_clip.push_to_hf_hub`` leaves it, without its tokenizer."""
    open_clip = pytest.importorskip("open_clip.model")
    torch.manual_seed(0)
    texts, towers = open_clip.CLIPTextCfg(**TEXT), open_clip.CLIPVisionCfg(**vision)
    model = randomise(getattr(open_clip, kind)(32, towers, texts, **options))
    config = {
        "model_cfg": {"embed_dim": 32, "vision_cfg": vision, "text_cfg": TEXT, **options},
        "preprocess_cfg": preprocess or {},
    }
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    if safe:
        from safetensors.torch import save_file

        save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    else:
        torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")
    return model.visual


@torch.no_grad()
@pytest.mark.parametrize("safe", [True, False])
@pytest.mark.parametrize("options", [{}, {"quick_gelu": True}, {"mlp_ratio": 2.5}])
def test_features_are_those_of_openclip(options, safe, tmp_path):
    gelu = {name: options[name] for name in options if name == "quick_gelu"}
    ratio = {name: options[name] for name in options if name != "quick_gelu"}
    tower = saved(tmp_path, TOWER | ratio, safe=safe, **gelu)
    local = find_local(str(tmp_path))
    assert local == ("hf:clip_vision_model_64x3_patch8", str(tmp_path))
    tower.proj, tower.output_tokens = None, True
    cls, patches = tower(images(32))
    backbone = build_backbone(
        local.name, image_size=told_size(local.weights), weights=local.weights
    )
    tokens = backbone.tokens(images(32))
    assert cls.std() > 0.1
    torch.testing.assert_close(tokens.cls[:, -1], cls, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(tokens.patch_mean, patches.mean(dim=1), atol=1e-4, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize(
    ("architecture", "options"),
    [
        ("test_vit", {"timm_pool": "token", "timm_proj": "linear", "image_size": 160}),
        ("test_convnext", {"timm_pool": "", "timm_proj": "linear", "image_size": 160}),
    ],
)
def test_features_of_a_trunk_are_those_of_timm(architecture, options, tmp_path):
    vision = {"timm_model_name": architecture, **options}
    tower = saved(tmp_path, vision, kind="CustomTextCLIP")
    local = find_local(str(tmp_path))
    assert local == (architecture, str(tmp_path))
    backbone = build_backbone(
        local.name, image_size=told_size(local.weights), weights=local.weights
    )
    cls = tower.trunk(images(160))
    assert cls.std() > 0.01
    found = backbone.tokens(images(160)).cls[:, -1]
    torch.testing.assert_close(found, cls, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("told", "crop", "interpolation"),
    [
        ({}, "center 1.0", "bicubic"),
        ({"resize_mode": "squash", "interpolation": "bilinear"}, "squash 1.0", "bilinear"),
    ],
)
def test_preprocessing_of_the_folder(told, crop, interpolation, tmp_path):
    saved(tmp_path, TOWER, preprocess={**told, "mean": [0.5] * 3})
    folder = read_hub_folder(tmp_path)
    spec = build_backbone(folder.name, image_size=32, weights=str(tmp_path)).spec
    assert (folder.image_size, spec.mean) == (32, (0.5, 0.5, 0.5))
    assert spec.std == pytest.approx((0.26862954, 0.26130258, 0.27577711))
    assert (spec.crop, spec.interpolation) == (crop, interpolation)


@pytest.mark.parametrize(
    ("vision", "preprocess", "message"),
    [
        ({"layers": [3, 4, 6, 3]}, {}, "the tower for images is a ResNet"),
        ({"attentional_pool": True}, {}, "attentional_pool is True"),
        ({"pool_type": "avg"}, {}, "pool_type is 'avg'"),
        ({"timm_model_name": "resnet50", "timm_pool": "abs_attn"}, {}, "timm_pool is 'abs_attn'"),
        ({}, {"resize_mode": "longest"}, "resize_mode is 'longest', not shortest or squash"),
        (None, {}, "it has no vision_cfg in its model_cfg"),
        ({"width": "768"}, {}, "width is '768', not a number above 0"),
        ({"layers": 1.5}, {}, "layers is 1.5, not a number"),
        ({"head_width": 0}, {}, "head_width is 0, not a number above 0"),
        ({"mlp_ratio": float("inf")}, {}, "mlp_ratio is inf, not a number"),
        ({"image_size": [1, 2, 3]}, {}, r"image_size is \[1, 2, 3\], not a number above 0"),
        ({"timm_model_name": "test_vit", "image_size": "64"}, {}, "image_size is '64', not a"),
        ({}, [1], r"preprocess_cfg is \[1\], not settings by name"),
        ({}, {"interpolation": []}, r"interpolation is \[\], not bicubic or bilinear"),
        ({}, {"mean": "x"}, "mean is 'x', not three numbers"),
    ],
)
def test_what_is_not_there_is_told(vision, preprocess, message, tmp_path):
    config = {"model_cfg": {"vision_cfg": vision}, "preprocess_cfg": preprocess}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(UsageError, match=f"cannot be built: {message}.*; convert"):
        read_hub_folder(tmp_path)


def test_a_tower_that_timm_does_not_make_is_told(tmp_path):
    saved(tmp_path, TOWER)
    path = tmp_path / "open_clip_config.json"
    path.write_text(path.read_text().replace('"head_width": 16', '"head_width": 5'))
    local = find_local(str(tmp_path))
    with pytest.raises(UsageError, match="cannot be built: dim should be divisible by num_heads"):
        build_backbone(local.name, image_size=32, weights=local.weights)


def test_a_config_of_transformers_beside_it_comes_first(tmp_path, hub_model):
    saved(tmp_path, TOWER)
    hub_model("CLIPVision", hidden_size=32).save_pretrained(tmp_path)
    assert read_hub_folder(tmp_path).name == "hf:clip_vision_model_32x3_patch8"
