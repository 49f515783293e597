"""What OpenCLIP describes in an ``open_clip_config.json``, in the words of transformers or timm."""

import math
from collections.abc import Mapping
from typing import Any

from ucls.backbones.timm_data import check_data
from ucls.backbones.timm_folder import ARCHITECTURE

FILE = "open_clip_config.json"

_Config = Mapping[str, Any]

_PREPROCESSING = {
    "mean": (0.48145466, 0.4578275, 0.40821073),
    "std": (0.26862954, 0.26130258, 0.27577711),
    "interpolation": "bicubic",
    "resize_mode": "shortest",
}
_FILTERS = {"bicubic": 3, "bilinear": 2}
_CROPS = {"shortest": "center", "squash": "squash"}
_NAMES = {
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "patch_size": "patch_size",
    "image_size": "image_size",
}
_DEFAULTS = {
    "width": 768,
    "layers": 12,
    "patch_size": 16,
    "image_size": 224,
    "head_width": 64,
    "mlp_ratio": 4.0,
}
_OF_SIDES = ("patch_size", "image_size")
"""One number, or height and width."""
_IGNORED = {"patch_dropout", "output_tokens", "attn_pooler_queries", "attn_pooler_heads"}
"""What the features do not depend on."""
_PLAIN = {"pos_embed_type": "learnable", "pool_type": "tok", "block_type": "default"}


def is_trunk(config: _Config) -> bool:
    """Whether the tower for images is a model of timm."""
    return bool(_vision(config).get("timm_model_name"))


def trunk_config(config: _Config) -> dict[str, Any]:
    """The tower for images as timm describes it in a ``config.json``.

    Raises:
        ValueError: if it is described otherwise than OpenCLIP does it, or timm has no such model.
    """
    vision, data = _vision(config), _preprocessing(config)
    if (pool := str(vision.get("timm_pool"))).endswith("_attn"):
        raise ValueError(f"timm_pool is {pool!r}")
    size = vision.get("image_size", _DEFAULTS["image_size"])
    _check_number("image_size", size)
    told = {name: data[name] for name in ("mean", "std", "interpolation")}
    told |= {"crop_mode": _CROPS[data["resize_mode"]], "crop_pct": 1.0}
    told["input_size"] = (3, *([size] * 2 if isinstance(size, int) else size))
    return {ARCHITECTURE: vision["timm_model_name"], "pretrained_cfg": told}


def tower_config(config: _Config) -> dict[str, Any]:
    """The tower for images as transformers describes a ``clip_vision_model``.

    Raises:
        ValueError: if it is described otherwise than OpenCLIP does it, or is of another kind.
    """
    vision = _vision(config)
    for name, value in vision.items():
        plain: tuple[Any, ...] = (None, False, {}, _PLAIN.get(name))
        if name not in _DEFAULTS.keys() | _IGNORED and value not in plain:
            raise ValueError(f"{name} is {value!r}")
    told = {**_DEFAULTS, **vision}
    if isinstance(told["layers"], list):
        raise ValueError("the tower for images is a ResNet")
    for name in _DEFAULTS:
        _check_number(name, told[name])
    return {new: told[name] for name, new in _NAMES.items()} | {
        "num_attention_heads": told["width"] // told["head_width"],
        "intermediate_size": int(told["width"] * told["mlp_ratio"]),
        "hidden_act": "quick_gelu" if config["model_cfg"].get("quick_gelu") else "gelu",
    }


def processor(config: _Config) -> dict[str, Any]:
    """The preprocessing as transformers describes it.

    Raises:
        ValueError: if it is one that timm has not.
    """
    data, size = _preprocessing(config), tower_config(config)["image_size"]
    height, width = [size] * 2 if isinstance(size, int) else size
    box = {"height": height, "width": width}
    told = {"image_mean": data["mean"], "image_std": data["std"]}
    told["resample"] = _FILTERS[data["interpolation"]]
    if data["resize_mode"] == "squash":
        return told | {"size": box}
    return told | {
        "size": {"shortest_edge": min(height, width)},
        "do_center_crop": True,
        "crop_size": box,
    }


def _vision(config: _Config) -> _Config:
    try:
        vision = config["model_cfg"]["vision_cfg"]
        return dict(vision)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("it has no vision_cfg in its model_cfg") from error


def _check_number(name: str, value: Any) -> None:
    is_pair = name in _OF_SIDES and isinstance(value, list) and len(value) == 2
    kind = int | float if name == "mlp_ratio" else int
    for number in value if is_pair else [value]:
        if not isinstance(number, kind) or not 0 < number < math.inf:
            raise ValueError(f"{name} is {value!r}, not a number above 0")


def _preprocessing(config: _Config) -> dict[str, Any]:
    told = config.get("preprocess_cfg") or {}
    if not isinstance(told, Mapping):
        raise ValueError(f"preprocess_cfg is {told!r}, not settings by name")
    data = {**_PREPROCESSING, **told}
    check_data({name: data[name] for name in ("mean", "std")})
    for name, known in (("interpolation", _FILTERS), ("resize_mode", _CROPS)):
        if data[name] not in tuple(known):
            raise ValueError(f"{name} is {data[name]!r}, not {' or '.join(known)}")
    return data
