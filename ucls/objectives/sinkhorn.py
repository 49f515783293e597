"""Sinkhorn-Knopp centering of teacher outputs (thesis 5.2.4, after SwAV and DINOv2)."""

import torch

FLOOR = torch.finfo(torch.float32).tiny


def sinkhorn_knopp(
    logits: torch.Tensor, *, temperature: float, iterations: int = 3
) -> torch.Tensor:
    """Balances assignments over clusters, each batch on its own.

    Equals DINOv2's ``sinkhorn_knopp_teacher``, but never overflows: the kernel
    K = exp((logits - max) / temperature), with the largest logit of each cluster, is at most 1,
    and floored at the smallest float32, which only entries more than 87 temperatures below the
    largest reach. A constant on a cluster cancels in the first normalisation. Scaling vectors
    stand in for the scaled matrix, so an iteration reads K twice and writes nothing of its size.

    Args:
        logits: [..., B, C]; leading axes (heads, views) are centered independently.
        temperature: softmax temperature, > 0.
        iterations: rounds of normalising columns, then rows; at least 1.

    Returns:
        Probabilities [..., B, C]; rows sum to 1, columns to about B / C.
    """
    n_images, n_clusters = logits.shape[-2:]
    shifted = logits.float() - logits.float().amax(dim=-2, keepdim=True)
    kernel = shifted.div_(temperature).exp_().clamp_min_(FLOOR)
    by_row = torch.ones_like(kernel[..., :1])
    for _ in range(iterations):
        by_column = 1.0 / (n_clusters * (kernel.transpose(-2, -1) @ by_row))
        by_row = 1.0 / (n_images * (kernel @ by_column))
    return kernel.mul_(by_row * n_images).mul_(by_column.transpose(-2, -1))
