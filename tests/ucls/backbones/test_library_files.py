"""Weights as other libraries save them, against the features that those libraries compute."""

import pytest
import timm
import torch

from ucls.backbones.build import build_backbone
from ucls.backbones.checkpoints import read_weights, select_backbone
from ucls.backbones.layouts import fit_to_model
from ucls.backbones.timm_models import timm_name

slow = pytest.mark.slow
SMALL = {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6}
BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12}
NARROW = {"intermediate_size": 1536, "layer_norm_eps": 1e-6}
DINOV3 = {"intermediate_size": 1536, "num_register_tokens": 4}
GATED = {"use_gated_mlp": True, "hidden_act": "silu"}
PACKED = {"use_swiglu_ffn": True}
HUGE = DINOV3 | GATED | {"intermediate_size": 5120, "query_bias": False, "value_bias": False}
TEXT = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
    "vocab_size": 9, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2,
}  # fmt: skip
# transformers has an approximation of GELU here, which timm has for other sizes of SigLIP alone.
SIGLIP = BASE | {"intermediate_size": 3072, "hidden_act": "gelu"}

TRANSFORMERS = [
    pytest.param("dino_vits16", "ViT", SMALL | NARROW, 32, marks=slow),
    pytest.param("msn_vits16", "ViTMSN", SMALL | NARROW, 32, marks=slow),
    pytest.param("dinov2_vits14", "Dinov2", SMALL, 28, marks=slow),
    ("dinov2_vits14_reg4", "Dinov2WithRegisters", SMALL, 28),
    pytest.param("dinov3_vits16", "DINOv3ViT", SMALL | DINOV3, 32, marks=slow),
    ("dinov3_vitsplus16", "DINOv3ViT", SMALL | DINOV3 | GATED, 32),
    pytest.param("clip_vitb32", "CLIP", BASE | {"patch_size": 32}, 64, marks=slow),
    pytest.param("siglip_vitb16", "Siglip", SIGLIP, 32, marks=slow),
    pytest.param("siglip2_vitb16", "Siglip", SIGLIP, 32, marks=slow),
    pytest.param(
        "mae_vitb16", "ViTMAE", BASE | {"mask_ratio": 0.0, "layer_norm_eps": 1e-6}, 32, marks=slow
    ),
]


def build(library, options):
    """A model of transformers, with its text tower where it has one."""
    transformers = pytest.importorskip("transformers")
    if library in ("CLIP", "Siglip"):
        options = {"vision_config": options, "text_config": TEXT}
    config = getattr(transformers, f"{library}Config")(**options)
    return getattr(transformers, f"{library}Model")(config).eval()


@torch.no_grad()
def randomise(model, but=()):
    """Numbers in place of zeros and ones, so that no tensor may be left out."""
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        if not name.endswith(but):
            is_scale = name.endswith("weight") and ("norm" in name or "ln_" in name)
            parameter.copy_(torch.randn_like(parameter) * 0.05 + is_scale)


def images(size):
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))


def assert_same_tokens(name, path, size, cls, patches):
    tokens = build_backbone(name, image_size=size, weights=str(path)).tokens(images(size))
    assert cls.std() > 0.1
    torch.testing.assert_close(tokens.cls[:, -1], cls, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(tokens.patch_mean, patches.mean(dim=1), atol=1e-4, rtol=1e-4)


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize(("name", "library", "options", "size"), TRANSFORMERS)
def test_files_of_transformers(name, library, options, size, tmp_path):
    patch = 14 if name.startswith("dinov2") else 16
    model = build(library, {"image_size": size, "patch_size": patch} | options)
    # Zero in what was released, see test_layouts.py for others.
    randomise(model, but=("q_proj.bias", "v_proj.bias") if library == "DINOv3ViT" else ())
    tower = getattr(model, "vision_model", model)
    output = tower(pixel_values=images(size))
    tokens = output.last_hidden_state
    if library == "CLIP":
        tokens = tower.post_layernorm(tokens)
    n_prefix = {"Siglip": 0, "DINOv3ViT": 5, "Dinov2WithRegisters": 5}.get(library, 1)
    cls = output.pooler_output if library == "Siglip" else tokens[:, 0]

    model.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    assert_same_tokens(name, path, size, cls, tokens[:, n_prefix:])
    saved, live = read_weights(path), select_backbone({"vit": model.state_dict()})
    assert saved.keys() == live.keys()
    assert all(torch.equal(saved[name], live[name]) for name in saved)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "library", "options"),
    [
        ("dinov2_vitg14", "Dinov2", {"hidden_size": 1536, "num_hidden_layers": 40} | PACKED),
        ("dinov3_vithplus16", "DINOv3ViT", {"hidden_size": 1280, "num_hidden_layers": 32} | HUGE),
    ],
)
def test_names_and_shapes_of_large_models(name, library, options):
    with torch.device("meta"):
        size = {"image_size": 518, "patch_size": 14} if "14" in name else {"patch_size": 16}
        state = select_backbone(build(library, size | options).state_dict())
        model = timm.create_model(timm_name(name), num_classes=0).state_dict()
    state = fit_to_model(state, model)
    assert {key: value.shape for key, value in state.items()} == {
        key: value.shape for key, value in model.items()
    }


@slow
@torch.no_grad()
def test_files_of_openclip(tmp_path):
    open_clip = pytest.importorskip("open_clip.model")
    text = open_clip.CLIPTextCfg(context_length=8, vocab_size=9, width=16, heads=2, layers=1)
    vision = open_clip.CLIPVisionCfg(patch_size=32, image_size=64, output_tokens=True)
    model = open_clip.CLIP(16, vision, text, quick_gelu=True, output_dict=True).eval()
    randomise(model)
    torch.save({"state_dict": model.state_dict(), "epoch": 1}, tmp_path / "open_clip.pt")
    model.visual.proj = None
    cls, patches = model.visual(images(64))
    assert_same_tokens("clip_vitb32", tmp_path / "open_clip.pt", 64, cls, patches)


@slow
@torch.no_grad()
def test_files_of_openclip_with_a_trunk_of_timm(tmp_path):
    open_clip = pytest.importorskip("open_clip.model")
    text = open_clip.CLIPTextCfg(context_length=8, vocab_size=9, width=16, heads=2, layers=1)
    vision = open_clip.CLIPVisionCfg(
        timm_model_name="vit_base_patch16_siglip_224",
        timm_pool="map",
        timm_proj="none",
        image_size=32,
    )
    model = open_clip.CustomTextCLIP(768, vision, text, init_logit_bias=-10).eval()
    randomise(model)
    torch.save(model.state_dict(), tmp_path / "open_clip.pt")
    cls, patches = model.visual(images(224)), model.visual.trunk.forward_features(images(224))
    assert_same_tokens("siglip_vitb16", tmp_path / "open_clip.pt", 224, cls, patches)
