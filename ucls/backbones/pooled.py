"""Any other model of timm, frozen, as a backbone: one pooled vector for each image."""

import textwrap
from functools import cache
from typing import Any

import torch
from torch import Tensor

from ucls.backbones.hub_folder import PREFIX, kind_of
from ucls.backbones.names import BACKBONES, UNTRAINED
from ucls.backbones.protocol import ImageSize, Tokens, spatial_size
from ucls.backbones.timm_backbone import TimmBackbone, build_timm
from ucls.backbones.timm_loading import fit_to_size, show_size
from ucls.backbones.timm_models import Blueprint, build_skeleton, is_known, is_vit
from ucls.errors import UsageError


class PooledBackbone(TimmBackbone):
    """A frozen timm model whose ``cls`` is what its own classifier would see of an image."""

    has_patch_mean = False

    def count_layers(self, _: Any) -> int:
        """One vector."""
        return 1

    def tokens(self, pixels: Tensor) -> Tokens:
        """Runs the model.

        Args:
            pixels: float32 [B, 3, H, W], normalised, on the device.

        Returns:
            float32 ``cls`` [B, 1, D].
        """
        with torch.inference_mode(), self.autocast():
            pooled = self.model(pixels)
        return Tokens(cls=pooled.float().unsqueeze(1), patch_mean=None)


def build_pooled(name: str, **options: Any) -> TimmBackbone:
    """Builds a timm model with its weights.

    Arguments and errors are those of :func:`ucls.backbones.build.build_backbone`.
    """
    return build_timm(PooledBackbone, name, check=check_pooling, **options)


@cache
def is_pooled(name: str) -> bool:
    """Whether a backbone is a model of timm that gives one pooled vector.

    Args:
        name: canonical.
    """
    if name.startswith(PREFIX):
        kind = kind_of(name)
        return kind is not None and kind.gives_one_vector
    name = name.removesuffix(UNTRAINED)
    return (
        name not in BACKBONES
        and is_known(name)
        and not is_vit(build_skeleton(Blueprint(name, name)))
    )


def pooled_size(name: str) -> ImageSize:
    """Pixels per side that a pooled model of timm was trained with."""
    import timm

    if (kind := kind_of(name)) is not None:
        name = kind.timm_name
    config: Any = timm.get_pretrained_cfg(name)
    height, width = config.input_size[1:]
    return height if height == width else (height, width)


def check_pooling(blueprint: Blueprint, size: tuple[int, int]) -> None:
    """Finds mistakes before any download, by a run of the model without memory.

    Args:
        blueprint: of the model.
        size: height and width of the images, in pixels.

    Raises:
        UsageError: if the model does not take such images, or does not pool.
    """
    model = build_skeleton(blueprint).eval()
    native = pooled_size(blueprint.timm_name)
    try:
        fit_to_size(model, size, position_offset=None)
        with torch.inference_mode():
            pooled = model(torch.zeros(1, 3, *size, device="meta"))
    except Exception as error:
        reason = textwrap.shorten(str(error), 150) or type(error).__name__
        raise UsageError(
            f"backbone {blueprint.name} does not take an image size of {show_size(*size)} "
            f"({reason}): take another one, such as {show_size(*spatial_size(native))}"
        ) from error
    shape = getattr(pooled, "shape", ())
    if len(shape) != 2:
        raise UsageError(
            f"backbone {blueprint.name} gives {tuple(shape)} for an image, not one pooled vector: "
            "take another backbone, such as dinov2_vits14_reg4"
        )
