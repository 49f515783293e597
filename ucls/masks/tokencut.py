"""TokenCut (Wang et al., CVPR 2022): the foreground by a normalised cut of a ViT's patches.

Shapes: B images, h x w patches of each, n = h * w, D width of a token.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.ndimage import label
from torch import Tensor

from ucls.backbones.families import family_of
from ucls.backbones.local import find_local
from ucls.backbones.names import canonical_name
from ucls.backbones.patch_keys import PatchKeys
from ucls.backbones.protocol import Backbone
from ucls.devices import resolve_device
from ucls.errors import UsageError
from ucls.settings.masks import MasksConfig, TokenCutOptions

DEFAULT_BACKBONE = "dino_vits16"
_EPSILON = 1e-5
"""The weight of a link between patches that are not alike, which keeps the graph in one piece."""


def cut_patches(features: NDArray[np.floating[Any]], *, tau: float) -> NDArray[np.bool_]:
    """The patches of the foreground: one connected piece around the one that stands out most.

    Args:
        features: of the patches, [h, w, D].
        tau: cosine similarity above which two patches are linked.

    Returns:
        bool [h, w]; all of them where every two patches are alike, so that nothing stands out.
    """
    grid = features.shape[:2]
    flat = features.reshape(-1, features.shape[2]).astype(np.float64)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True).clip(min=1e-12)
    is_linked = flat @ flat.T > tau
    if is_linked.all():
        return np.ones(grid, bool)
    links = np.where(is_linked, 1.0, _EPSILON)
    degrees = np.diag(links.sum(axis=1))
    _, vectors = eigh(degrees - links, degrees, subset_by_index=[1, 1])
    vector = vectors[:, 0]
    seed = int(np.abs(vector).argmax())
    side = vector > vector.mean()
    pieces, _ = label((side == side[seed]).reshape(grid))
    found: NDArray[np.bool_] = pieces == pieces.flat[seed]
    return found


class TokenCut:
    """TokenCut with a frozen ViT; the features are the keys of its last block, as in the paper.

    Args:
        backbone: with a ViT of timm.
        options: of the method.

    Raises:
        UsageError: if the backbone gives no keys of patches, or takes no square images.
    """

    threshold = 0.5

    def __init__(self, backbone: Backbone, options: TokenCutOptions) -> None:
        size = backbone.spec.image_size
        if not isinstance(size, int):
            raise UsageError(f"masks need a square image size, got {size}: pass one number")
        self._keys, self._tau = PatchKeys(backbone), options.tau
        self.image_size, self.channels = size, backbone.spec.channels
        self.batch_size, self.weights_hash = options.batch_size, backbone.spec.weights_hash

    def __call__(self, pixels: Tensor) -> Tensor:
        """0 or 1 for each patch, float32 [B, h, w], of pixels uint8 [B, channels, S, S]."""
        keys = self._keys(pixels).cpu().numpy()
        masks = np.stack([cut_patches(one, tau=self._tau) for one in keys])
        return torch.from_numpy(masks).float()


def build(config: MasksConfig, options: TokenCutOptions) -> TokenCut:
    """Builds the method with its ViT.

    Raises:
        UsageError: if the backbone or its weights do not fit.
        UclsError: if there are no weights to be had.
    """
    # What lies where a backbone is said to be brings its own weights.
    is_alone = config.backbone is None or config.weights is None
    given = config.backbone or config.weights
    local = find_local(given) if given and is_alone else None
    name = canonical_name(local.name if local else config.backbone or DEFAULT_BACKBONE)
    weights = local.weights if local else config.weights
    family, device = family_of(name), resolve_device(config.device)
    backbone = family(
        name,
        image_size=options.image_size or family.default_size(name, weights),
        channels=family.default_channels(weights),
        weights=weights,
        device=str(device),
        precision="float16" if device.type == "cuda" else "float32",
    )
    return TokenCut(backbone, options)
