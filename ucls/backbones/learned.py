"""Backbones that ``ucls pretrain`` learned."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from ucls.backbones.encoder import Architecture, Encoder
from ucls.backbones.learned_files import KIND, NETWORK, checked
from ucls.backbones.protocol import (
    BackboneSpec,
    ImageSize,
    Precision,
    Preprocess,
    Tokens,
    spatial_size,
)
from ucls.backbones.timm_backbone import hash_weights
from ucls.cache import read_tensors, write_tensors
from ucls.errors import UsageError


class StretchedPixels:
    """Whole pictures, stretched to a square, as the network saw their crops.

    Args:
        size: (height, width) in pixels.
        channels: 1 for grey, 3 for colour.
    """

    def __init__(self, size: tuple[int, int], channels: int) -> None:
        self.size, self.channels = size, channels

    def __call__(self, image: Image.Image) -> Tensor:
        """Returns uint8 [channels, height, width]."""
        from torchvision.transforms.v2.functional import pil_to_tensor

        image = image.convert("RGB" if self.channels == 3 else "L")
        width_and_height = self.size[::-1]
        if image.size != width_and_height:
            image = image.resize(width_and_height, Image.Resampling.BICUBIC)
        pixels: Tensor = pil_to_tensor(image)
        return pixels


class LearnedBackbone:
    """A network that was learned, frozen; its ``cls`` is the pooled vector.

    Args:
        path: of the ``network.safetensors``.
        name: in the spec.
        image_size: pixels per side, or (height, width).
        channels: of the pictures.
        device: where the forward pass runs.
        precision: of the forward pass.

    Raises:
        UsageError: if the file is no such network.
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str,
        image_size: ImageSize,
        channels: int,
        device: str,
        precision: Precision,
    ) -> None:
        encoder, mean, std = read_network(path)
        if channels != encoder.architecture.channels:
            raise UsageError(
                f"backbone {name} takes {encoder.architecture.channels} channels, got {channels}: "
                "leave extract.channels out"
            )
        size = spatial_size(image_size)
        self.preprocess: Preprocess = StretchedPixels(size, channels)
        self.device, self._dtype = device, getattr(torch, precision)
        self.model = encoder.eval().requires_grad_(False).to(device)
        self._mean, self._std = (torch.tensor(x, device=device).view(-1, 1, 1) for x in (mean, std))
        self.spec = BackboneSpec(
            name=name,
            weights_hash=hash_weights(encoder.state_dict(), variant=encoder.architecture.name),
            timm_version="none",
            image_size=size[0] if size[0] == size[1] else size,
            channels=channels,
            crop="stretch",
            interpolation="bicubic",
            mean=mean,
            std=std,
            precision=precision,
            n_layers=1,
            n_features=encoder.width,
            has_patch_mean=False,
        )

    def encode(self, batch: Tensor) -> Tokens:
        """Runs the network.

        Args:
            batch: uint8 [B, channels, H, W], on any device.

        Returns:
            float32 ``cls`` [B, 1, D].
        """
        vectors = self._run(self.model, batch)
        return Tokens(cls=vectors.unsqueeze(1), patch_mean=None)

    def dense(self, batch: Tensor) -> Tensor:
        """The last map, float32 [B, h, w, D] on the device, of what :meth:`encode` takes."""
        return self._run(self.model.dense, batch)

    def _run(self, network: Callable[[Tensor], Tensor], batch: Tensor) -> Tensor:
        pixels = batch.to(self.device, torch.float32, non_blocking=True).div_(255)
        kind, is_half = torch.device(self.device).type, self._dtype != torch.float32
        with torch.inference_mode(), torch.autocast(kind, self._dtype, enabled=is_half):
            return network((pixels - self._mean) / self._std).float()


def write_network(
    path: Path, encoder: Encoder, *, mean: Sequence[float], std: Sequence[float]
) -> None:
    """Writes a network with all that it takes to use it.

    Args:
        path: of the ``network.safetensors``.
        encoder: the network.
        mean: of the pixels in 0..1, by channel.
        std: of the same.
    """
    arrays = {name: value.detach().cpu().numpy() for name, value in encoder.state_dict().items()}
    metadata = {"kind": KIND, **encoder.architecture.as_text()}
    metadata |= {"mean": _as_text(mean), "std": _as_text(std)}
    write_tensors(path, arrays, metadata)


def read_network(path: Path) -> tuple[Encoder, tuple[float, ...], tuple[float, ...]]:
    """Reads what :func:`write_network` wrote: the network, mean and deviation of pixels.

    Raises:
        UsageError: if the file is no such network.
    """
    arrays, metadata = read_tensors(path)
    checked(path, metadata)
    architecture = Architecture(
        metadata["name"],
        int(metadata["channels"]),
        int(metadata["image_size"]),
        sobel=metadata.get("sobel") == str(True),
    )
    encoder = Encoder(architecture)
    try:
        encoder.load_state_dict({name: torch.from_numpy(one) for name, one in arrays.items()})
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise UsageError(
            f"the weights in {path} do not fit {architecture.name} as this version of timm builds "
            f"it: {reason[:200]}"
        ) from error
    return encoder, _from_text(metadata["mean"]), _from_text(metadata["std"])


def build_learned(name: str, *, weights: str | None, **options: Any) -> LearnedBackbone:
    """Builds the backbone in a run folder of ``ucls pretrain``.

    Arguments and errors are those of :func:`ucls.backbones.build.build_backbone`.
    """
    if weights is None or not Path(weights).is_file():
        raise UsageError(
            f"backbone {name} needs its file, got {weights}: pass --backbone and the run folder of "
            f"`ucls pretrain`, or --weights and its {NETWORK} where it has moved"
        )
    return LearnedBackbone(Path(weights), name=name, **options)


def _as_text(values: Sequence[float]) -> str:
    return " ".join(map(repr, values))


def _from_text(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split()))
