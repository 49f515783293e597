"""Heads from their description, as it lies beside their weights."""

from typing import Any, cast

from torch import nn

from ucls.heads.linear import LinearHeads
from ucls.heads.mlp import MlpHeads
from ucls.heads.projection import ProjectionHeads
from ucls.heads.protocol import Heads

NETWORKS: dict[str, type[nn.Module]] = {
    "mlp": MlpHeads,
    "projection": ProjectionHeads,
    "linear": LinearHeads,
}


def describe(heads: Heads) -> dict[str, Any]:
    """What :func:`rebuild` needs: the network's name and its sizes, as JSON can hold them."""
    name = next(name for name, network in NETWORKS.items() if isinstance(heads, network))
    return {
        "network": name,
        "n_heads": heads.n_heads,
        "n_features": heads.n_features,
        "sizes": list(heads.sizes),
        **heads.widths,
    }


def rebuild(description: dict[str, Any], *, n_heads: int) -> Heads:
    """Untrained heads of the described kind, as many as asked for."""
    arguments = {**description, "n_heads": n_heads}
    network = NETWORKS[arguments.pop("network")]
    return cast("Heads", network(**arguments))
