"""A folder as timm saves it for the hub: weights, and the name of their architecture."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ucls.backbones.names import BACKBONES, canonical_name
from ucls.backbones.protocol import ImageSize
from ucls.backbones.timm_data import check_data
from ucls.errors import UsageError

ARCHITECTURE = "architecture"
"""The setting that tells such a folder from others."""
_DATA = ("mean", "std", "interpolation", "crop_pct", "crop_mode")
_CHANNELS = 3


@dataclass(frozen=True)
class TimmFolder:
    """What a folder tells of its backbone.

    Attributes:
        path: the folder.
        architecture: what timm calls the model, without a tag.
        tag: of its weights; empty where there is none.
        options: of the model, where they are not those of its name.
        data: its preprocessing in timm's words.
        image_size: of its images.
    """

    path: Path
    architecture: str
    tag: str
    options: Mapping[str, Any]
    data: Mapping[str, Any]
    image_size: ImageSize | None

    @property
    def name(self) -> str:
        """The canonical name of the backbone: that of its weights, or of its architecture."""
        known = canonical_name(f"{self.architecture}.{self.tag}")
        is_known = known in BACKBONES and not self.own_options
        return known if is_known else canonical_name(self.architecture)

    @property
    def own_options(self) -> dict[str, Any]:
        """Those that make it another model; what image size it is for, the weights tell."""
        return {name: value for name, value in self.options.items() if name != "img_size"}


def timm_folder(path: Path, config: Mapping[str, Any]) -> TimmFolder:
    """Reads what timm has written.

    Args:
        path: the folder.
        config: its ``config.json``; of old ones the preprocessing lies beside the architecture.

    Raises:
        UsageError: if timm writes no such thing, or the model does not take pictures of three
            channels.
    """
    try:
        told = _settings(config, "pretrained_cfg") or config
        options = _settings(config, "model_args")
        channels, *size = _input_size(told)
        data = {key: told[key] for key in _DATA if told.get(key) is not None}
        check_data(data)
    except ValueError as error:
        raise cannot_be_built(path, error) from error
    options.pop("num_classes", None)
    channels = options.pop("in_chans", channels)
    if channels != _CHANNELS:
        raise UsageError(
            f"{path} holds a model for images of {channels} channels: backbones of timm take 3"
        )
    return TimmFolder(
        path=path,
        architecture=str(config[ARCHITECTURE]).partition(".")[0],
        tag=str(told.get("tag") or ""),
        options=options,
        data=data,
        image_size=_size(size),
    )


def cannot_be_built(path: Path, reason: object) -> UsageError:
    """Tells that a file or a folder describes a model that timm does not make."""
    told = textwrap.shorten(str(reason) or type(reason).__name__, 150)
    return UsageError(
        f"{path} describes a model that cannot be built: {told}; convert it to ONNX, and pass "
        "--backbone onnx:FILE"
    )


def _settings(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = config.get(name) or {}
    if not isinstance(found, Mapping):
        raise ValueError(f"{name} is {found!r}, not settings by name")
    return dict(found)


def _input_size(told: Mapping[str, Any]) -> list[int]:
    """Channels, and height and width if these are told."""
    size = told.get("input_size")
    if not size:
        return [_CHANNELS]
    is_right = isinstance(size, list | tuple) and len(size) == 3
    if not is_right or not all(isinstance(side, int) and side > 0 for side in size):
        raise ValueError(f"input_size is {size!r}, not channels, height and width")
    return list(size)


def _size(sides: list[int]) -> ImageSize | None:
    if not sides:
        return None
    height, width = sides
    return height if height == width else (height, width)
