"""Folders that transformers saved, against the features that it computes."""

import json

import pytest
import torch

from ucls.backbones.build import build_backbone
from ucls.backbones.hub_folder import is_hub_folder, read_hub_folder, told_size
from ucls.errors import UsageError

GATED = {"use_gated_mlp": True, "hidden_act": "silu"}

KINDS = [
    ("Dinov2", {}, "dinov2_64x3_patch8"),
    ("Dinov2", {"use_swiglu_ffn": True, "mlp_ratio": 3}, "dinov2_64x3_patch8"),
    ("Dinov2WithRegisters", {}, "dinov2_with_registers_64x3_patch8_reg4"),
    ("DINOv3ViT", {"num_register_tokens": 4}, "dinov3_vit_64x3_patch8_reg4"),
    ("DINOv3ViT", {"num_register_tokens": 2, **GATED}, "dinov3_vit_64x3_patch8_reg2"),
    ("DINOv3ViT", {"rope_theta": 30.0, "num_register_tokens": 1}, "dinov3_vit_64x3_patch8_reg1"),
    ("DINOv3ConvNext", {}, "dinov3_convnext_16-24-32-48x1-2-1-1"),
    ("ViT", {}, "vit_64x3_patch8"),
    ("ViT", {"hidden_act": "gelu_new", "qkv_bias": False}, "vit_64x3_patch8"),
    ("ViTMAE", {"mask_ratio": 0.0}, "vit_mae_64x3_patch8"),
    ("ViTMSN", {}, "vit_msn_64x3_patch8"),
    ("IJepa", {}, "ijepa_64x3_patch8"),
    ("CLIPVision", {}, "clip_vision_model_64x3_patch8"),
    ("CLIP", {"hidden_act": "gelu"}, "clip_vision_model_64x3_patch8"),
    ("SiglipVision", {}, "siglip_vision_model_64x3_patch8"),
    ("Siglip", {"hidden_act": "gelu"}, "siglip_vision_model_64x3_patch8"),
]


def images(size=32):
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("library", "options", "name"), KINDS)
def test_features_are_those_of_transformers(
    library, options, name, hub_model, *, hub_tokens, tmp_path
):
    model = hub_model(library, **options)
    model.save_pretrained(tmp_path)
    folder = read_hub_folder(tmp_path)
    assert folder.name == f"hf:{name}"
    backbone = build_backbone(folder.name, image_size=32, weights=str(tmp_path))
    tokens = backbone.tokens(images())
    cls, patch_mean = hub_tokens(model, images())
    assert cls.std() > 0.1
    torch.testing.assert_close(tokens.cls[:, -1], cls, atol=1e-4, rtol=1e-4)
    if patch_mean is None:
        assert tokens.patch_mean is None
    else:
        torch.testing.assert_close(tokens.patch_mean, patch_mean, atol=1e-4, rtol=1e-4)
    assert backbone.spec.name == f"hf:{name}"


def test_the_trained_size_and_the_size_of_images_may_differ(hub_model, hub_tokens, tmp_path):
    model = hub_model("Dinov2", image_size=64)
    model.save_pretrained(tmp_path)
    assert told_size(str(tmp_path)) == 64
    name = read_hub_folder(tmp_path).name
    at_64, at_32 = (build_backbone(name, image_size=n, weights=str(tmp_path)) for n in (64, 32))
    cls, _ = hub_tokens(model, images(64))
    torch.testing.assert_close(at_64.tokens(images(64)).cls[:, -1], cls, atol=1e-4, rtol=1e-4)
    assert at_64.spec.weights_hash == at_32.spec.weights_hash
    assert at_32.tokens(images(32)).cls.shape == (2, 3, 64)


def test_settings_without_a_tensor_are_part_of_the_hash(hub_model, tmp_path):
    hashes = set()
    for settings in ({}, {"hidden_act": "gelu_new"}, {"num_attention_heads": 2}):
        hub_model("ViT", **settings).save_pretrained(tmp_path)
        name = read_hub_folder(tmp_path).name
        hashes.add(build_backbone(name, image_size=32, weights=str(tmp_path)).spec.weights_hash)
    assert len(hashes) == 3


def test_preprocessing_of_the_folder(hub_model, tmp_path):
    hub_model("ViT").save_pretrained(tmp_path)
    processor = {
        "size": {"height": 48, "width": 48}, "resample": 2, "image_mean": [0.1, 0.2, 0.3],
        "image_std": [0.4, 0.5, 0.6],
    }  # fmt: skip
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(processor))
    assert told_size(str(tmp_path)) == 48
    name = read_hub_folder(tmp_path).name
    spec = build_backbone(name, image_size=48, weights=str(tmp_path)).spec
    assert (spec.mean, spec.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    assert (spec.crop, spec.interpolation) == ("squash 1.0", "bilinear")


def test_settings_at_their_defaults_may_be_left_out(tmp_path):
    sparse = {"model_type": "siglip", "vision_config": {"model_type": "siglip_vision_model"}}
    (tmp_path / "config.json").write_text(json.dumps(sparse))
    folder = read_hub_folder(tmp_path)
    assert folder.name == "hf:siglip_vision_model_768x12_patch16"
    assert folder.options()["act_layer"] == "gelu_tanh"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ('{"model_type": "bert"}', "expected a model_type of clip, .*, got 'bert': convert"),
        ("{}", "got None"),
        ("[]", "expected settings by name in .*config.json, got list"),
        ("{", "cannot read .*config.json as JSON"),
    ],
)
def test_folders_of_other_models(tmp_path, config, message):
    assert not is_hub_folder(tmp_path)
    (tmp_path / "config.json").write_text(config)
    assert is_hub_folder(tmp_path)
    with pytest.raises(UsageError, match=message):
        read_hub_folder(tmp_path)


@pytest.mark.parametrize(
    ("library", "options", "message"),
    [
        ("ViT", {"hidden_act": "relu"}, "cannot be built: hidden_act is 'relu', not gelu,"),
        ("DINOv3ViT", {"mlp_bias": False}, "cannot be built: mlp_bias is False, not True"),
    ],
)
def test_models_that_timm_does_not_have(library, options, message, hub_model, tmp_path):
    hub_model(library, **options).save_pretrained(tmp_path)
    folder = read_hub_folder(tmp_path)
    with pytest.raises(UsageError, match=message):
        build_backbone(folder.name, image_size=32, weights=str(tmp_path))


def test_such_a_name_needs_its_folder():
    for name in ("hf:dinov2_64x3_patch8", "hf:ijepa_64x3_patch8", "hf:unknown_1"):
        for weights in (None, "random", "weights.safetensors"):
            with pytest.raises(UsageError, match=r"is known by its folder alone.*--weights FOLDER"):
                build_backbone(name, image_size=32, weights=weights)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"model_type": ["dinov2"]}, r"got \['dinov2'\]: convert"),
        ({"model_type": "clip", "vision_config": [1]}, r"vision_config is \[1\], not settings by"),
        ({"model_type": "dinov2", "image_size": [1]}, r"image_size is \[1\], not a number or two"),
        ({"model_type": "clip", "vision_config": {"image_size": "x"}}, "image_size is 'x', not"),
    ],
)
def test_what_transformers_does_not_write_is_told(told, message, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(told))
    with pytest.raises(UsageError, match=message):
        read_hub_folder(tmp_path)
