import pytest
import torch
import transformers

from ucls.backbones.architectures import ARCHITECTURES, TOWERS
from ucls.backbones.timm_models import Blueprint, build_skeleton

CONFIGS = {
    config.model_type: config
    for config in (
        transformers.CLIPVisionConfig,
        transformers.DINOv3ConvNextConfig,
        transformers.DINOv3ViTConfig,
        transformers.Dinov2Config,
        transformers.Dinov2WithRegistersConfig,
        transformers.IJepaConfig,
        transformers.SiglipVisionConfig,
        transformers.ViTConfig,
        transformers.ViTMAEConfig,
        transformers.ViTMSNConfig,
    )
}
LEFT_OPEN = {"patch_size", "num_register_tokens"}


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_defaults_are_those_of_transformers(kind):
    of_library = CONFIGS[kind]().to_dict()
    ours = ARCHITECTURES[kind].complete({})
    # What their saved files always hold may differ.
    same = ours.keys() & of_library.keys() - LEFT_OPEN
    assert {name: ours[name] for name in same} == {name: of_library[name] for name in same}


def test_towers_are_there():
    assert set(TOWERS.values()) <= ARCHITECTURES.keys()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "config", "timm_name"),
    [
        (
            "dinov2",
            {"hidden_size": 1536, "num_hidden_layers": 40, "num_attention_heads": 24,
             "mlp_ratio": 4, "use_swiglu_ffn": True, "image_size": 518},
            "vit_giant_patch14_dinov2",
        ),
        (
            "siglip_vision_model",
            {"hidden_size": 1152, "num_hidden_layers": 27, "num_attention_heads": 16,
             "intermediate_size": 4304, "patch_size": 14},
            "vit_so400m_patch14_siglip_224",
        ),
        (
            "dinov3_vit",
            {"hidden_size": 4096, "num_hidden_layers": 40, "num_attention_heads": 32,
             "intermediate_size": 8192, "use_gated_mlp": True, "hidden_act": "silu",
             "query_bias": False, "value_bias": False, "num_register_tokens": 4},
            "vit_7b_patch16_dinov3",
        ),
    ],
)  # fmt: skip
def test_the_largest_have_the_shapes_of_timm(kind, config, timm_name):
    architecture = ARCHITECTURES[kind]
    options = architecture.options(architecture.complete(config))
    found = build_skeleton(Blueprint("found", architecture.timm_name, options))
    with torch.device("meta"):
        expected = build_skeleton(Blueprint("expected", timm_name))
    assert {name: tensor.shape for name, tensor in found.state_dict().items()} == {
        name: tensor.shape for name, tensor in expected.state_dict().items()
    }
