"""What all backbones from timm share: preprocessing, normalisation, precision and their spec."""

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from ucls.backbones.names import RANDOM_WEIGHTS, UNTRAINED
from ucls.backbones.protocol import (
    BackboneSpec,
    ImageSize,
    Precision,
    Preprocess,
    Tokens,
    spatial_size,
)
from ucls.backbones.timm_loading import fit_to_size, load_model
from ucls.backbones.timm_models import Blueprint, blueprint_of

_MAX_RATIO = 20
"""Of the sides of a picture, for a square model: beyond, timm would resize what it then crops."""


@dataclass(frozen=True)
class TimmPreprocess:
    """timm's evaluation transform without its arithmetic: resize and crop.

    timm first resizes the shorter side, so that a strip of 65,000 x 1 pixels would become 224
    times as wide as it was. Of such strips the middle is taken beforehand.

    Attributes:
        transform: from a PIL image to uint8 [3, H, W].
        max_ratio: of the longer side to the shorter one. Only pictures beyond it are cut.
    """

    transform: Any
    max_ratio: float = math.inf

    def __call__(self, image: Image.Image) -> Tensor:
        """Returns uint8 [3, H, W]."""
        tensor: Tensor = self.transform(_shorten(image, self.max_ratio).convert("RGB"))
        return tensor


def _shorten(image: Image.Image, max_ratio: float) -> Image.Image:
    """Cuts both ends off the longer side of a picture, equally much, down to the ratio."""
    width, height = image.size
    longest = min(width, height) * max_ratio
    if max(width, height) <= longest:
        return image
    x, y = (max(0, math.ceil((side - longest) / 2)) for side in (width, height))
    return image.crop((x, y, width - x, height - y))


class TimmBackbone(ABC):
    """A frozen timm model.

    Args:
        model: from :func:`ucls.backbones.timm_loading.load_model`, on the CPU in float32, with the
            image size that its weights are for; it is changed in place.
        name: its name in the spec.
        image_size: pixels per side, or (height, width).
        device: where the forward pass runs.
        precision: of the forward pass.
        position_offset: see :class:`ucls.backbones.names.BackboneInfo`.
        variant: see :class:`ucls.backbones.timm_models.Blueprint`; goes into the weights' hash.
    """

    has_patch_mean: bool

    def __init__(
        self,
        model: Any,
        *,
        name: str,
        image_size: ImageSize,
        device: str = "cpu",
        precision: Precision = "float32",
        position_offset: float | None = None,
        variant: str = "",
    ) -> None:
        import timm
        from timm.data.config import resolve_model_data_config
        from timm.data.transforms_factory import create_transform

        size = spatial_size(image_size)
        # Without the size, timm's transform keeps the size of the pretraining (518 for DINOv2).
        sized = {"input_size": (3, *size)}
        data = resolve_model_data_config(model, args=sized)  # type: ignore[no-untyped-call]
        is_cropped = data["crop_mode"] == "center"  # otherwise the whole picture is squashed
        self.preprocess: Preprocess = TimmPreprocess(
            create_transform(**data, normalize=False),
            max_ratio=_MAX_RATIO * max(size) / min(size) if is_cropped else math.inf,
        )
        self.spec = BackboneSpec(
            name=name,
            weights_hash=hash_weights(model.state_dict(), variant=variant),
            timm_version=timm.__version__,
            image_size=size[0] if size[0] == size[1] else size,
            channels=3,
            crop=f"{data['crop_mode']} {data['crop_pct']}",
            interpolation=data["interpolation"],
            mean=tuple(data["mean"]),
            std=tuple(data["std"]),
            precision=precision,
            n_layers=self.count_layers(model),
            n_features=model.head_hidden_size,
            has_patch_mean=self.has_patch_mean,
        )
        self.device = device
        fit_to_size(model, size, position_offset=position_offset)
        self.model = _freeze(model, device, precision)
        self._mean, self._std = (
            torch.tensor(values, device=device).view(3, 1, 1)
            for values in (self.spec.mean, self.spec.std)
        )

    def encode(self, batch: Tensor) -> Tokens:
        """Scales and normalises preprocessed images, then runs the model on them.

        Args:
            batch: uint8 [B, 3, H, W], on any device.

        Returns:
            What :meth:`tokens` gives.
        """
        return self.tokens(self.normalised(batch))

    def normalised(self, batch: Tensor) -> Tensor:
        """Scaled and normalised pixels float32, on the device, of uint8 [B, 3, H, W]."""
        # Copied to a GPU as bytes, which is a quarter of the numbers that are made of them.
        batch = batch.to(self.device, non_blocking=True)
        pixels = batch.to(torch.float32, memory_format=torch.channels_last)
        return pixels.div_(255).sub_(self._mean).div_(self._std)

    @abstractmethod
    def count_layers(self, model: Any) -> int:
        """L, the number of class tokens per image."""

    @abstractmethod
    def tokens(self, pixels: Tensor) -> Tokens:
        """Runs the model.

        Args:
            pixels: float32 [B, 3, H, W], normalised, on the device.

        Returns:
            float32 ``cls`` [B, L, D], and ``patch_mean`` [B, D] or None.
        """

    def autocast(self) -> torch.autocast:
        """The precision of the forward pass."""
        # Norms, softmax and the residual sums stay in float32; only matrix products are rounded.
        is_half = self.spec.precision != "float32"
        dtype = getattr(torch, self.spec.precision) if is_half else None
        return torch.autocast(torch.device(self.device).type, dtype=dtype, enabled=is_half)


def build_timm(
    kind: type[TimmBackbone],
    name: str,
    *,
    check: Callable[[Blueprint, tuple[int, int]], None],
    image_size: ImageSize,
    weights: str | None = None,
    device: str = "cpu",
    precision: Precision = "float32",
    channels: int = 3,
) -> TimmBackbone:
    """Builds a backbone of a kind.

    Args:
        kind: the class.
        name: canonical.
        check: finds mistakes before weights are looked for.
        image_size: as the others, see :func:`ucls.backbones.build.build_backbone`.
        weights: a file, a folder, ``random``, or None for the hub.
        device: where the forward pass runs.
        precision: of the forward pass.
        channels: 3.

    Raises:
        UsageError: if the name, the size or the weights do not fit.
        UclsError: if there are no weights to be had.
    """
    size = spatial_size(image_size)
    blueprint = blueprint_of(name, weights)
    check(blueprint, size)
    return kind(
        load_model(blueprint, weights=weights, size=size),
        # Caches are found by this name, so untrained features never pass for real ones.
        name=f"{name}{UNTRAINED}" if weights == RANDOM_WEIGHTS else name,
        image_size=image_size,
        device=device,
        precision=precision,
        position_offset=blueprint.position_offset,
        variant=blueprint.variant,
    )


def hash_weights(state: dict[str, Tensor], *, variant: str = "") -> str:
    """Returns the sha256 over names, shapes and bytes, as hexadecimal digits.

    Args:
        state: tensors by name.
        variant: what else decides what becomes of them, hashed too.
    """
    digest = hashlib.sha256(variant.encode())
    for name, tensor in sorted(state.items()):
        digest.update(f"{name} {tuple(tensor.shape)} ".encode())
        values = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(values.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _freeze(model: Any, device: str, precision: Precision) -> Any:
    model = model.eval().requires_grad_(False).to(device)
    for module in model.modules():
        # What autocast would round anew in every batch.
        if isinstance(module, nn.Linear | nn.Conv2d):
            module.to(getattr(torch, precision))
    return model
