"""Vision transformers whose patches are averaged over the foreground alone."""

from dataclasses import replace
from typing import Any

from torch import Tensor

from ucls.backbones.families import family_of
from ucls.backbones.names import UNTRAINED
from ucls.backbones.normalized_cut import cut_patches
from ucls.backbones.patch_keys import PatchKeys
from ucls.backbones.protocol import Tokens
from ucls.backbones.timm_backbone import TimmBackbone, build_timm
from ucls.backbones.timm_loading import check_patches
from ucls.backbones.vit import ViTBackbone
from ucls.cache import FOREGROUND
from ucls.errors import UsageError


class ForegroundViT(ViTBackbone):
    """A frozen timm ViT whose ``patch_mean`` is that of the foreground.

    The foreground is TokenCut's, of the keys that the same forward pass makes in the last block, so
    that it depends on the image and the network alone. Where nothing or all of an image stands out,
    all patches count.

    Args:
        model: as the options, see :class:`ucls.backbones.timm_backbone.TimmBackbone`.
        name: of the ViT, without what its spec adds.

    Raises:
        UsageError: if the keys of the ViT cannot be read.
    """

    def __init__(self, model: Any, *, name: str, **options: Any) -> None:
        super().__init__(model, name=name, **options)
        plain = name.removesuffix(UNTRAINED)
        self.spec = replace(self.spec, name=f"{plain}{FOREGROUND}{name.removeprefix(plain)}")
        self._keys = PatchKeys(self)
        self._seen: list[Tensor] = []
        self._is_plain: Tensor | None = None

    def tokens(self, pixels: Tensor) -> Tokens:
        """As the plain ViT, with ``patch_mean`` [B, D] of the foreground, and ``is_plain`` [B]."""
        with self._keys.watched() as self._seen:
            tokens = super().tokens(pixels)
        return replace(tokens, is_plain=self._is_plain)

    def pool_patches(self, patches: Tensor) -> Tensor:
        """The mean [B, D] of the patches [B, P, D] of the foreground."""
        masks = cut_patches(self._keys.of(self._seen.pop())).flatten(1)
        self._is_plain = masks.all(dim=1) | ~masks.any(dim=1)
        return mean_of_masked(patches, masks | self._is_plain[:, None])


def mean_of_masked(patches: Tensor, masks: Tensor) -> Tensor:
    """The mean patch of each image over its mask.

    Args:
        patches: [B, P, D].
        masks: bool [B, P], at least one patch of each image.

    Returns:
        [B, D].
    """
    weights = masks.to(patches.dtype)
    weights = weights / weights.sum(dim=1, keepdim=True)
    # A matrix product would be rounded by autocast.
    return (weights[:, :, None] * patches).sum(dim=1)


def build_foreground(name: str, **options: Any) -> TimmBackbone:
    """Builds a timm ViT that looks at the foreground.

    Arguments and errors are those of :func:`ucls.backbones.build.build_backbone`; the name is that
    of the ViT with ``-foreground`` at its end.
    """
    plain = name.removesuffix(FOREGROUND)
    if family_of(plain).gives_one_vector:
        raise UsageError(
            f"backbone {plain} gives one vector per image, without patches to find the foreground "
            "among: take a vision transformer such as dinov2_vits14"
        )
    return build_timm(ForegroundViT, plain, check=check_patches, **options)
