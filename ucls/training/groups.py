"""Heads that are trained one group after the other, put together."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = Mapping[str, npt.NDArray[Any]]

SHARED = ("axes", "batch_norm.", "preparation.")
"""Tensors of what lies before the heads, which is the same for all groups."""


def group_sizes(n_heads: int, at_once: int) -> list[int]:
    """Heads of each group, as even as they can be: 10 by at most 4 to 4, 3, 3."""
    n_groups = -(-n_heads // at_once)
    return [n_heads // n_groups + (group < n_heads % n_groups) for group in range(n_groups)]


def group_seed(seed: int, group: int) -> int:
    """A seed of its own for each group; the first has the run's."""
    if group == 0:
        return seed
    return int(np.random.SeedSequence((seed, 0, group)).generate_state(1)[0] % 2**31)


def join_tensors(groups: Sequence[Arrays]) -> dict[str, npt.NDArray[Any]]:
    """The trained heads of all groups as if they had been trained at once.

    Args:
        groups: of each group the tensors of ``heads.safetensors``; those of the heads have the
            heads along their first axis.
    """
    first = groups[0]
    return {
        name: value
        if name.startswith(SHARED) or value.ndim == 0
        else np.concatenate([group[name] for group in groups])
        for name, value in first.items()
    }


def join_heads(groups: Sequence[npt.NDArray[Any]], n_sizes: int) -> npt.NDArray[Any]:
    """Something of each head, [R_g, ...] by group to [R, ...]: those of the first size come first.

    Args:
        groups: R_g is a multiple of ``n_sizes``.
        n_sizes: classifiers of each head.
    """
    by_size = [group.reshape(n_sizes, -1, *group.shape[1:]) for group in groups]
    joined = np.concatenate(by_size, axis=1)
    return joined.reshape(-1, *joined.shape[2:])
