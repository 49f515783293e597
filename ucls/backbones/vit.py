"""Vision transformers from timm, frozen, as backbones."""

from typing import Any

import torch
from torch import Tensor, nn

from ucls.backbones.protocol import Tokens
from ucls.backbones.timm_backbone import TimmBackbone, build_timm
from ucls.backbones.timm_loading import check_patches

_N_LAYERS = 4


class ViTBackbone(TimmBackbone):
    """A frozen timm ViT.

    Its ``cls`` is the class token after each of the last four blocks. A model without class token
    has its attention pooling instead, and one layer of it.
    """

    has_patch_mean = True

    def count_layers(self, model: Any) -> int:
        """Four, or as many as there are."""
        return min(_N_LAYERS, len(model.blocks)) if model.cls_token is not None else 1

    def tokens(self, pixels: Tensor) -> Tokens:
        """Runs the model.

        Args:
            pixels: float32 [B, 3, H, W], normalised, on the device.

        Returns:
            float32 ``cls`` [B, L, D] and ``patch_mean`` [B, D], both after the model's final norm;
            register tokens are in neither.
        """
        with torch.inference_mode(), self.autocast():
            cls, patches = self._cls_and_patches(pixels)
            return Tokens(cls=cls.float(), patch_mean=self.pool_patches(patches.float()))

    def dense(self, batch: Tensor) -> Tensor:
        """The patch tokens of preprocessed images, after the final norm.

        Args:
            batch: uint8 [B, 3, H, W], on any device.

        Returns:
            float32 [B, h, w, D], on the backbone's device.
        """
        with torch.inference_mode(), self.autocast():
            _, patches = self._cls_and_patches(self.normalised(batch))
        grid = self.model.patch_embed.dynamic_feat_size(batch.shape[-2:])
        return patches.float().reshape(len(batch), *grid, -1)

    def pool_patches(self, patches: Tensor) -> Tensor:
        """The mean [B, D] of patches [B, P, D]."""
        return patches.mean(dim=1)

    def _cls_and_patches(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """[B, L, D] and [B, P, D]."""
        if self.model.cls_token is None:
            final = self.model.forward_features(pixels)
            return self.model.pool(final).unsqueeze(1), final[:, self.model.num_prefix_tokens :]
        layers = self.model.forward_intermediates(
            pixels,
            indices=self.spec.n_layers,
            return_prefix_tokens=True,
            norm=False,  # most tokens of the earlier layers are not needed
            output_fmt="NLC",
            intermediates_only=True,
        )
        norm = _final_norm(self.model)
        # Each layer is (patch tokens [B, P, D], prefix tokens [B, 1 + registers, D]).
        cls = norm(torch.stack([prefix[:, 0] for _, prefix in layers], dim=1))
        return cls, norm(layers[-1][0])


def build_vit(name: str, **options: Any) -> TimmBackbone:
    """Builds a timm ViT with its weights.

    Arguments and errors are those of :func:`ucls.backbones.build.build_backbone`.
    """
    return build_timm(ViTBackbone, name, check=check_patches, **options)


def _final_norm(model: Any) -> nn.Module:
    """Models that classify by the mean token have their final norm after it."""
    has_norm = not isinstance(model.norm, nn.Identity)
    norm: nn.Module = model.norm if has_norm else getattr(model, "fc_norm", model.norm)
    return norm
