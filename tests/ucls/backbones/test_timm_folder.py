"""Folders that timm saved, against the features that it computes."""

import json

import pytest
import timm
import torch
from timm.models import save_for_hf

from tests.ucls.backbones.conftest import randomise
from ucls.backbones.build import build_backbone
from ucls.backbones.hub_folder import read_hub_folder, told_size
from ucls.backbones.local import find_local
from ucls.backbones.pooled import is_pooled
from ucls.errors import UsageError

SMALL = {"depth": 2, "embed_dim": 48, "num_heads": 3}
KINDS = [
    ("test_vit", {}, 160),
    ("vit_tiny_patch16_224", SMALL, 224),
    ("vit_tiny_patch16_224", SMALL | {"img_size": 64, "num_classes": 7}, 64),
    ("vit_base_patch16_siglip_224", SMALL | {"img_size": 32}, 32),
    ("test_resnet", {}, 160),
    ("test_convnext", {"num_classes": 3}, 160),
]


def images(size):
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))


def saved(folder, architecture, **options):
    torch.manual_seed(0)
    model = randomise(timm.create_model(architecture, **options))
    save_for_hf(model, folder, safe_serialization="both")
    return model


@torch.no_grad()
def features(model, pixels):
    """The image's vector [B, D], the mean patch token or None."""
    tokens = model.forward_features(pixels)
    vector = model.forward_head(tokens, pre_logits=True)
    if not is_pooled(model.pretrained_cfg["architecture"]):
        patch_mean = tokens[:, model.num_prefix_tokens :].mean(dim=1)
        return (tokens[:, 0] if model.num_prefix_tokens else vector), patch_mean
    return vector, None


@pytest.mark.parametrize(("architecture", "options", "size"), KINDS)
def test_features_are_those_of_timm(architecture, options, size, tmp_path):
    model = saved(tmp_path, architecture, **options)
    local = find_local(str(tmp_path))
    assert local == (architecture, str(tmp_path))
    assert told_size(local.weights) == size
    backbone = build_backbone(local.name, image_size=size, weights=local.weights)
    cls, patch_mean = features(model, images(size))
    tokens = backbone.tokens(images(size))
    assert cls.std() > 0.01
    torch.testing.assert_close(tokens.cls[:, -1], cls, atol=1e-4, rtol=1e-4)
    if patch_mean is None:
        assert tokens.patch_mean is None
    else:
        torch.testing.assert_close(tokens.patch_mean, patch_mean, atol=1e-4, rtol=1e-4)
    (tmp_path / "model.safetensors").unlink()  # beside pytorch_model.bin
    other = build_backbone(local.name, image_size=size, weights=local.weights)
    assert other.spec.weights_hash == backbone.spec.weights_hash


def test_preprocessing_of_the_folder(tmp_path):
    saved(tmp_path, "test_vit")
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    config["pretrained_cfg"] |= {
        "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6], "interpolation": "bilinear",
        "crop_pct": 0.7, "crop_mode": "center",
    }  # fmt: skip
    told = config.pop("pretrained_cfg")
    for text in (config | {"pretrained_cfg": told}, config | told):  # as of now, and as of old
        path.write_text(json.dumps(text))
        spec = build_backbone("test_vit", image_size=160, weights=str(tmp_path)).spec
        assert (spec.mean, spec.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
        assert (spec.crop, spec.interpolation) == ("center 0.7", "bilinear")


def test_options_without_a_tensor_are_part_of_the_hash(tmp_path):
    hashes = set()
    for options in ({}, {"act_layer": "relu"}):
        saved(tmp_path, "vit_tiny_patch16_224", **SMALL, **options)
        backbone = build_backbone("vit_tiny_patch16_224", image_size=32, weights=str(tmp_path))
        hashes.add(backbone.spec.weights_hash)
    assert len(hashes) == 2


@pytest.mark.parametrize(
    ("architecture", "tag", "name"),
    [
        ("vit_small_patch14_dinov2", "lvd142m", "dinov2_vits14"),
        ("vit_small_patch16_224", "dino", "dino_vits16"),
        ("vit_small_patch16_224", "mine", "vit_small_patch16_224"),
        ("resnet18", "a1_in1k", "resnet18"),
    ],
)
def test_known_weights_have_their_name(architecture, tag, name, tmp_path):
    config = {"architecture": architecture, "pretrained_cfg": {"tag": tag}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    folder = read_hub_folder(tmp_path)
    assert (folder.name, folder.image_size) == (name, None)


def test_another_model_is_told(tmp_path):
    saved(tmp_path, "test_vit")
    with pytest.raises(UsageError, match="holds test_vit, which is not dino_vits16: leave"):
        build_backbone("dino_vits16", image_size=160, weights=str(tmp_path))


@pytest.mark.parametrize(
    "told", [{"model_args": {"in_chans": 1}}, {"pretrained_cfg": {"input_size": [1, 28, 28]}}]
)
def test_other_channels_are_refused(told, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "resnet18"} | told))
    with pytest.raises(UsageError, match="of 1 channels: backbones of timm take 3"):
        read_hub_folder(tmp_path)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"pretrained_cfg": [1]}, r"pretrained_cfg is \[1\], not settings by name"),
        ({"model_args": [1]}, r"model_args is \[1\], not settings by name"),
        ({"input_size": [3, 64]}, r"input_size is \[3, 64\], not channels, height and width"),
        ({"input_size": [3, 64, "x"]}, "input_size is "),
        ({"mean": "x"}, "mean is 'x', not three numbers"),
        ({"std": [0, 1, 1]}, r"std is \[0, 1, 1\], not three numbers above 0"),
        ({"interpolation": "foo"}, "interpolation is 'foo', not nearest or bilinear"),
        ({"crop_pct": "1"}, "crop_pct is '1', not a number above 0"),
        ({"crop_mode": ["x"]}, r"crop_mode is \['x'\], not center or border or squash"),
        ({"model_args": {"foo": 1}}, "foo is no argument of test_vit"),
        ({"model_args": {"pretrained": True}}, "pretrained is no argument"),
        ({"model_args": {"pretrained_cfg_overlay": {"file": "x"}}}, "pretrained_cfg_overlay is no"),
        ({"model_args": {"cache_dir": "x", "device": "cpu"}}, "cache_dir, device is no argument"),
        ({"model_args": {"depth": "2"}}, "'str'"),
        ({"model_args": {"num_heads": 7}}, "dim should be divisible by num_heads"),
    ],
)
def test_what_timm_does_not_write_is_told(told, message, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "test_vit"} | told))
    with pytest.raises(UsageError, match=f"describes a model that cannot be built: .*{message}"):
        build_backbone("test_vit", image_size=160, weights=str(tmp_path))


def test_a_folder_names_no_other_file_to_read(tmp_path):
    saved(tmp_path, "test_vit")
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    config["model_args"]["checkpoint_path"] = str(tmp_path / "model.safetensors")
    path.write_text(json.dumps(config))
    with pytest.raises(UsageError, match="checkpoint_path is no argument of test_vit"):
        build_backbone("test_vit", image_size=160, weights=str(tmp_path))
