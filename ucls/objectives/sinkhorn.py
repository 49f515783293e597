"""Sinkhorn-Knopp centering of teacher outputs (thesis 5.2.4, after SwAV and DINOv2)."""

import math

import torch


def sinkhorn_knopp(
    logits: torch.Tensor, *, temperature: float, iterations: int = 3
) -> torch.Tensor:
    """Balances assignments over clusters, each batch on its own, in log-space.

    Equals DINOv2's ``sinkhorn_knopp_teacher``, which exponentiates first and overflows at low
    temperatures.

    Args:
        logits: [..., B, C]; leading axes (heads, views) are centered independently.
        temperature: softmax temperature, > 0.
        iterations: rounds of normalising columns, then rows; at least 1.

    Returns:
        Probabilities [..., B, C]; rows sum to 1, columns to about B / C.
    """
    n_images, n_clusters = logits.shape[-2:]
    log_q = logits.float() / temperature
    for _ in range(iterations):
        log_q = log_q - log_q.logsumexp(dim=-2, keepdim=True) - math.log(n_clusters)
        log_q = log_q - log_q.logsumexp(dim=-1, keepdim=True) - math.log(n_images)
    return (log_q + math.log(n_images)).exp()
