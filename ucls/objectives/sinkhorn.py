"""Sinkhorn-Knopp centering of teacher outputs (thesis 5.2.4, after SwAV and DINOv2)."""

import torch

LARGEST_SCALING = 1e24
"""Of an entry of the kernel, by its row and its column together. Up to it, those at the floor stay
below 1e-13, whatever they were; cosines need less at temperatures from 0.04 on."""


def sinkhorn_knopp(
    logits: torch.Tensor, *, temperature: float, iterations: int = 3
) -> torch.Tensor:
    """Balances assignments over clusters, each batch on its own.

    Equals DINOv2's ``sinkhorn_knopp_teacher``, but for all logits that float64 tells apart: the
    kernel K = exp((logits - max) / temperature) is at most 1, and floored at the smallest number,
    which only entries more than 87 temperatures below the largest reach. Scaling vectors stand in
    for the scaled matrix, so an iteration reads K twice and writes nothing of its size. Where a
    whole row or column lies at the floor, which its scaling shows, all is done in logarithms
    instead, and always where it is compiled.

    Args:
        logits: [..., B, C]; leading axes (heads, views) are centered independently.
        temperature: softmax temperature, > 0.
        iterations: rounds of normalising columns, then rows; at least 1.

    Returns:
        Probabilities [..., B, C], float32 or finer; rows sum to 1, columns to about B / C.
    """
    dtype = torch.promote_types(logits.dtype, torch.float32)
    n_images, n_clusters = logits.shape[-2:]
    # A constant on a column cancels in the first normalisation.
    largest = logits.amax(dim=-2, keepdim=True)
    if torch.compiler.is_compiling():
        # Fused, logarithms cost no more than products, and ask the host for nothing.
        log_kernel = (logits.double() - largest.double()) / temperature
        return _in_logarithms(log_kernel, iterations, dtype)
    shifted = logits.to(dtype) - largest.to(dtype)
    kernel = shifted.div_(temperature).exp_().clamp_min_(torch.finfo(dtype).tiny)
    # Both scalings are row vectors: from the left a product reads the kernel ten times as fast.
    transposed = kernel.transpose(-2, -1)
    by_row = torch.ones_like(transposed[..., :1, :])
    for _ in range(iterations):
        by_column = 1.0 / (n_clusters * (by_row @ kernel))
        by_row = 1.0 / (n_images * (by_column @ transposed))
    scaling = by_row.amax(dim=-1) * by_column.amax(dim=-1)
    if (scaling > LARGEST_SCALING).any():
        log_kernel = (logits.double() - largest.double()) / temperature
        return _in_logarithms(log_kernel, iterations, dtype)
    return kernel.mul_(by_column).mul_((by_row * n_images).transpose(-2, -1))


def _in_logarithms(log_kernel: torch.Tensor, iterations: int, dtype: torch.dtype) -> torch.Tensor:
    """The same from the logarithm of the kernel [..., B, C], float64, however far apart."""
    by_column = torch.zeros_like(log_kernel[..., :1, :])
    log_probs = log_kernel
    for _ in range(iterations):
        largest, log_sum = _log_sum(log_probs, -2, dtype)
        by_column = by_column - (largest + log_sum)
        log_probs = _log_softmax(log_kernel + by_column, dtype)
    return log_probs.to(dtype).exp()


def _log_softmax(logarithms: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    largest, log_sum = _log_sum(logarithms, -1, dtype)
    # The largest first: beside a huge one the rest would be lost.
    return logarithms - largest - log_sum


def _log_sum(
    logarithms: torch.Tensor, dim: int, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """The logarithm of a sum in two parts: the largest, and what comes to it.

    Differences are float64, where large numbers cancel; powers, which cost most, ``dtype``.
    """
    largest = logarithms.amax(dim=dim, keepdim=True)
    return largest, (logarithms - largest).to(dtype).exp().sum(dim=dim, keepdim=True).log()
