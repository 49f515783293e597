"""What transformers describes in a ``config.json``, as a model of timm."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

_Config = Mapping[str, Any]

_COMMON = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 224,
    "patch_size": 16,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-6,
    "qkv_bias": True,
    "num_register_tokens": 0,
}
_ACTIVATIONS = {
    "gelu": None,  # torch's own
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_new": "gelu_tanh",
    "quick_gelu": "quick_gelu",
}
_MLP_RATIO = 4


@dataclass(frozen=True)
class Architecture:
    """A kind of models, by its ``model_type``.

    Attributes:
        timm_name: a timm model of this kind, whose preprocessing it has by default.
        defaults: of its settings where they differ from those of most; ``config.json`` leaves out
            settings at their defaults.
        position_offset: see :class:`ucls.backbones.names.BackboneInfo`.
        gives_one_vector: whether all it makes of an image is one vector.
    """

    timm_name: str
    defaults: _Config
    position_offset: float | None = None
    gives_one_vector: bool = False

    def complete(self, config: _Config) -> dict[str, Any]:
        """Fills in the defaults of the settings that are left out."""
        return {**_COMMON, **self.defaults, **config}

    def options(self, config: _Config) -> dict[str, Any]:
        """The options of the timm model.

        Args:
            config: settings, complete.

        Raises:
            ValueError: if timm has no such model.
        """
        if "depths" in config:
            return _convnext_options(config)
        shared = {
            "img_size": config["image_size"],
            "patch_size": config["patch_size"],
            "embed_dim": config["hidden_size"],
            "depth": config["num_hidden_layers"],
            "num_heads": config["num_attention_heads"],
            "norm_layer": _norm(config["layer_norm_eps"]),
        }
        is_eva = "rope_theta" in config
        return shared | (_eva_options(config) if is_eva else _vit_options(config))


_PLAIN_EPS = {"layer_norm_eps": 1e-12}

ARCHITECTURES = {
    "dinov2": Architecture(
        "vit_small_patch14_dinov2.lvd142m", {"patch_size": 14}, position_offset=0.1
    ),
    "dinov2_with_registers": Architecture(
        "vit_small_patch14_reg4_dinov2.lvd142m", {"num_register_tokens": 4}
    ),
    "dinov3_vit": Architecture(
        "vit_small_patch16_dinov3.lvd1689m",
        {
            "hidden_size": 384,
            "num_attention_heads": 6,
            "intermediate_size": 1536,
            "layer_norm_eps": 1e-5,
            "rope_theta": 100.0,
            "use_gated_mlp": False,
        },
    ),
    "dinov3_convnext": Architecture(
        "convnext_tiny.dinov3_lvd1689m",
        {"depths": [3, 3, 9, 3], "hidden_sizes": [96, 192, 384, 768]},
        gives_one_vector=True,
    ),
    "vit": Architecture("vit_base_patch16_224.orig_in21k", _PLAIN_EPS),
    "vit_mae": Architecture("vit_base_patch16_224.mae", _PLAIN_EPS),
    "vit_msn": Architecture("vit_base_patch16_224.dino", {}, position_offset=0.0),
    "ijepa": Architecture("vit_huge_patch14_gap_224.in1k_ijepa", _PLAIN_EPS, gives_one_vector=True),
    "clip_vision_model": Architecture(
        "vit_base_patch32_clip_quickgelu_224.openai",
        {"patch_size": 32, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5},
    ),
    "siglip_vision_model": Architecture(
        "vit_base_patch16_siglip_224.webli", {"hidden_act": "gelu_pytorch_tanh"}
    ),
}
"""By ``model_type``; of those with a tower for text, the tower for images."""

TOWERS = {"clip": "clip_vision_model", "siglip": "siglip_vision_model"}
"""The type of the ``vision_config`` of models with two towers."""


def _vit_options(config: _Config) -> dict[str, Any]:
    options: dict[str, Any] = {"qkv_bias": config["qkv_bias"]}
    if config.get("use_swiglu_ffn"):
        # timm counts both halves of the gate; the width is what DINOv2 rounds it to.
        n_hidden = int(int(config["hidden_size"] * config["mlp_ratio"]) * 2 / 3)
        options |= _mlp(config, 2 * ((n_hidden + 7) // 8 * 8)) | _packed_gate()
    else:
        options |= _mlp(config, _hidden(config))
        options["act_layer"] = _activation(config) or _gelu()
    if config["num_register_tokens"]:
        options["reg_tokens"] = config["num_register_tokens"]
    return options


def _eva_options(config: _Config) -> dict[str, Any]:
    is_gated = config["use_gated_mlp"]
    expected = {"hidden_act": "silu" if is_gated else "gelu", "proj_bias": True, "mlp_bias": True}
    for name, value in expected.items():
        if config.get(name, value) != value:
            raise ValueError(f"{name} is {config[name]!r}, not {value!r}")
    return _mlp(config, _hidden(config)) | {
        "swiglu_mlp": is_gated,
        "swiglu_align_to": int(is_gated),  # 0 is another kind of gate, 1 rounds nothing
        "qkv_bias": config.get("query_bias", True) or config.get("value_bias", True),
        "num_reg_tokens": config["num_register_tokens"],
        "rope_temperature": config["rope_theta"],
    }


def _convnext_options(config: _Config) -> dict[str, Any]:
    return {
        "depths": tuple(config["depths"]),
        "dims": tuple(config["hidden_sizes"]),
        "norm_eps": config["layer_norm_eps"],
        "act_layer": _activation(config) or "gelu",
    }


def _hidden(config: _Config) -> int:
    ratio: float = config.get("mlp_ratio", _MLP_RATIO)
    return int(config.get("intermediate_size") or config["hidden_size"] * ratio)


def _mlp(config: _Config, n_hidden: int) -> dict[str, Any]:
    # timm takes a ratio, and rounds its product with the width down.
    return {"mlp_ratio": (n_hidden + 0.5) / config["hidden_size"]}


def _gelu() -> Any:
    from torch import nn

    return nn.GELU


def _packed_gate() -> dict[str, Any]:
    from timm.layers.mlp import SwiGLUPacked
    from torch import nn

    return {"mlp_layer": SwiGLUPacked, "act_layer": nn.SiLU}


def _norm(eps: float) -> Any:
    from timm.layers.norm import LayerNorm

    return partial(LayerNorm, eps=eps)


def _activation(config: _Config) -> str | None:
    name = config["hidden_act"]
    if name not in _ACTIVATIONS:
        raise ValueError(f"hidden_act is {name!r}, not {', '.join(_ACTIVATIONS)}")
    return _ACTIVATIONS[name]
