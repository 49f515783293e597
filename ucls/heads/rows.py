"""Which rows of a batch the layers of heads see themselves."""

import torch

from ucls.ranks import gather, rank, world_size


class AllRows:
    """Every process sees all rows."""

    def own(self, features: torch.Tensor) -> torch.Tensor:
        """The rows of this process, of features [..., B, D]."""
        return features

    def whole(self, values: torch.Tensor) -> torch.Tensor:
        """What comes of all rows, from what comes of one's own [H, b, ...]: [H, B, ...]."""
        return values


class SharedRows(AllRows):
    """Each process sees as many, and all get what comes of them.

    So losses, Sinkhorn's sums and marginals are those of the whole batch in each process. The mean
    of the processes' gradients is its gradient.
    """

    def own(self, features: torch.Tensor) -> torch.Tensor:
        """Neighbouring rows of features [..., B, D]; B has to be a multiple of the processes."""
        n_own = features.shape[-2] // world_size()
        return features.narrow(-2, rank() * n_own, n_own)

    def whole(self, values: torch.Tensor) -> torch.Tensor:
        """[H, b, ...] to [H, B, ...]."""
        return gather(values, dim=1)
