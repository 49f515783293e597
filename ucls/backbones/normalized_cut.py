"""The foreground by a normalised cut of patches: TokenCut (Wang et al., CVPR 2022).

Shapes: B images, h x w patches of each, P = h * w, D width of a token.
"""

from typing import TYPE_CHECKING, cast

from ucls.eigenpairs import some_eigenpairs

if TYPE_CHECKING:
    from torch import Tensor

TAU = 0.2
"""Cosine similarity above which two patches are linked, as in the paper."""
_EPSILON = 1e-5
"""The weight of a link between patches that are not alike, which keeps the graph in one piece."""
_AT_ONCE = 32
"""Images whose matrices are in memory."""


def cut_patches(features: "Tensor", *, tau: float = TAU) -> "Tensor":
    """The patches of the foreground: one connected piece around the one that stands out most.

    Args:
        features: of the patches, [B, h, w, D].
        tau: cosine similarity above which two patches are linked.

    Returns:
        bool [B, h, w], on the same device; all of an image where every two patches are alike, so
        that nothing stands out.
    """
    import torch

    starts = range(0, len(features), _AT_ONCE)
    return torch.cat([_cut(features[start : start + _AT_ONCE], tau) for start in starts])


def _cut(features: "Tensor", tau: float) -> "Tensor":
    import torch
    from torch.nn import functional as F

    grid = features.shape[1:3]
    flat = F.normalize(features.flatten(1, 2).double(), dim=2)
    is_linked = flat @ flat.mT > tau
    links = torch.where(is_linked, 1.0, _EPSILON).double()
    # (D - W) v = l D v is an ordinary problem for D^(1/2) v.
    scale = links.sum(dim=2).rsqrt()
    vectors = _second(-links * scale[:, :, None] * scale[:, None]) * scale
    seeds = vectors.abs().argmax(dim=1, keepdim=True)
    sides = vectors > vectors.mean(dim=1, keepdim=True)
    is_there = (sides == sides.gather(1, seeds)).view(-1, *grid)
    pieces = _pieces_around(is_there, seeds)
    return pieces | is_linked.all(dim=(1, 2))[:, None, None]


def _second(matrices: "Tensor") -> "Tensor":
    """The eigenvectors of the second smallest eigenvalues [B, P] of matrices [B, P, P]."""
    import torch

    if matrices.is_cuda:
        return cast("Tensor", torch.linalg.eigh(matrices).eigenvectors[:, :, 1])
    # LAPACK finds one vector in a third of the time of all of them.
    alone = (some_eigenpairs(matrix, 1, 1)[1][:, 0] for matrix in matrices.numpy())
    return torch.stack([torch.from_numpy(vector) for vector in alone])


def _pieces_around(is_there: "Tensor", seeds: "Tensor") -> "Tensor":
    """The connected pieces [B, h, w] that patches [B, 1] lie in."""
    import numpy as np
    import torch
    from scipy.ndimage import label

    pieces = []
    for mask, seed in zip(is_there.cpu().numpy(), seeds.flatten().tolist(), strict=True):
        numbers, _ = label(mask)
        pieces.append(numbers == numbers.flat[seed])
    return torch.from_numpy(np.stack(pieces)).to(is_there.device)
