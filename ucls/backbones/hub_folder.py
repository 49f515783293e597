"""A folder as the Hugging Face hub has it: weights, and what they are the weights of."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ucls.backbones import open_clip_config as open_clip
from ucls.backbones.architectures import ARCHITECTURES, TOWERS, Architecture
from ucls.backbones.image_processors import data_config, processed_size
from ucls.backbones.protocol import ImageSize
from ucls.backbones.timm_folder import ARCHITECTURE, TimmFolder, cannot_be_built, timm_folder
from ucls.errors import UsageError

PREFIX = "hf:"
"""What the name of a backbone begins with that only its folder describes."""
_CONFIG = "config.json"
_PROCESSOR = "preprocessor_config.json"
_OPEN_CLIP = "clip_vision_model"


@dataclass(frozen=True)
class HubFolder:
    """What a folder tells of its backbone, in the words of transformers.

    Attributes:
        path: the folder.
        kind: the ``model_type``.
        config: the settings of its image tower, complete.
        processor: the preprocessing; empty where the folder has none.
    """

    path: Path
    kind: str
    config: Mapping[str, Any]
    processor: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of the backbone by its architecture, such as ``hf:dinov2_384x12_patch14``."""
        config = self.config
        if "depths" in config:
            numbers = "-".join(map(str, config["hidden_sizes"]))
            return f"{PREFIX}{self.kind}_{numbers}x{'-'.join(map(str, config['depths']))}"
        registers = config["num_register_tokens"]
        size = f"{config['hidden_size']}x{config['num_hidden_layers']}"
        end = f"_reg{registers}" if registers else ""
        return f"{PREFIX}{self.kind}_{size}_patch{config['patch_size']}{end}"

    @property
    def architecture(self) -> Architecture:
        """Its kind."""
        return ARCHITECTURES[self.kind]

    @property
    def image_size(self) -> ImageSize:
        """What images are processed to, or else what the model was trained with."""
        size: Any = processed_size(self.processor) or self.config["image_size"]
        return size if isinstance(size, int) else (size[0], size[1])

    def options(self) -> dict[str, Any]:
        """The options of its timm model.

        Raises:
            UsageError: if timm has no such model.
        """
        try:
            return self.architecture.options(self.config)
        except (ValueError, TypeError) as error:
            raise cannot_be_built(self.path / _CONFIG, error) from error

    def data_config(self) -> dict[str, Any]:
        """Its preprocessing in timm's words.

        Raises:
            UsageError: if timm has no such preprocessing.
        """
        try:
            return data_config(self.processor)
        except (ValueError, TypeError, AttributeError) as error:
            raise UsageError(
                f"{self.path / _PROCESSOR} describes images that cannot be made so: {error}"
            ) from error


def kind_of(name: str) -> Architecture | None:
    """The kind of a backbone that is named by its architecture; None if there is no such kind."""
    kind = re.sub(r"_\d.*", "", name.removeprefix(PREFIX))
    return ARCHITECTURES.get(kind)


def is_hub_folder(path: str | Path) -> bool:
    """Whether a folder tells what its weights are of."""
    folder = Path(path).expanduser()
    return any((folder / name).is_file() for name in (_CONFIG, open_clip.FILE))


def read_hub_folder(path: str | Path) -> HubFolder | TimmFolder:
    """Reads what a folder tells that transformers, timm or OpenCLIP saved.

    Raises:
        UsageError: if its files are no JSON, or if it holds a model of another kind.
    """
    path = Path(path).expanduser()
    if not (path / _CONFIG).is_file():
        return _of_open_clip(path)
    config = _read_json(path / _CONFIG)
    if ARCHITECTURE in config:
        return timm_folder(path, config)
    kind = config.get("model_type")
    if kind in tuple(TOWERS):
        kind, config = TOWERS[kind], config.get("vision_config") or {}
    if kind not in tuple(ARCHITECTURES):
        known = ", ".join(sorted({*ARCHITECTURES, *TOWERS}))
        raise UsageError(
            f"expected a model_type of {known} in {path / _CONFIG}, got {kind!r}: convert the "
            "model to ONNX, and pass --backbone onnx:FILE"
        )
    return HubFolder(
        path=path,
        kind=kind,
        config=_complete(kind, config, path / _CONFIG),
        processor=_read_json(path / _PROCESSOR) if (path / _PROCESSOR).is_file() else {},
    )


def _complete(kind: str, config: Any, path: Path) -> dict[str, Any]:
    if not isinstance(config, Mapping):
        raise cannot_be_built(path, f"vision_config is {config!r}, not settings by name")
    complete = ARCHITECTURES[kind].complete(config)
    match complete["image_size"]:
        case int() | [int(), int()]:
            return complete
        case size:
            raise cannot_be_built(path, f"image_size is {size!r}, not a number or two")


def _of_open_clip(path: Path) -> HubFolder | TimmFolder:
    config = _read_json(path / open_clip.FILE)
    try:
        if open_clip.is_trunk(config):
            return timm_folder(path, open_clip.trunk_config(config))
        kind, tower = _OPEN_CLIP, open_clip.tower_config(config)
        complete = ARCHITECTURES[kind].complete(tower)
        return HubFolder(path, kind, complete, open_clip.processor(config))
    except ValueError as error:
        raise UsageError(
            f"{path / open_clip.FILE} describes a model that cannot be built: {error}; convert its "
            "tower for images to ONNX, and pass --backbone onnx:FILE"
        ) from error


def told_size(weights: str) -> ImageSize | None:
    """What a folder tells of the size of images; None of other weights."""
    return read_hub_folder(weights).image_size if is_hub_folder(weights) else None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path} as JSON ({error}): get it again") from error
    if not isinstance(value, dict):
        raise UsageError(f"expected settings by name in {path}, got {type(value).__name__}")
    return value
