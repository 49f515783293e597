import json
from typing import Any

import pytest
import torch
from torch import nn

from ucls.heads.linear import LinearHeads
from ucls.heads.mlp import MlpHeads
from ucls.heads.projection import ProjectionHeads
from ucls.heads.rebuild import NETWORKS, describe, rebuild

HEADS, FEATURES, SIZES = 3, 7, (2, 5)
WIDTHS: dict[str, dict[str, Any]] = {
    "mlp": {"hidden_dim": 12, "bottleneck_dim": 6},
    "projection": {"hidden_dim": 12, "bottleneck_dim": 6},
    "linear": {"spaces": [3, 4]},
}
CLASSES: dict[str, type[nn.Module]] = {
    "mlp": MlpHeads,
    "projection": ProjectionHeads,
    "linear": LinearHeads,
}

all_networks = pytest.mark.parametrize("name", CLASSES)


def new_heads(name: str, seed: int = 0) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    return CLASSES[name](HEADS, FEATURES, SIZES, **WIDTHS[name], generator=generator)


def shaken(name: str, seed: int) -> nn.Module:
    heads, generator = new_heads(name, seed), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in heads.state_dict().values():
            if value.is_floating_point():
                value.add_(0.3 * torch.rand(value.shape, generator=generator))
    return heads


def test_all_networks_are_known() -> None:
    assert NETWORKS == CLASSES


@all_networks
@pytest.mark.parametrize("seed", range(3))
def test_a_description_and_the_state_make_the_same_heads(name: str, seed: int) -> None:
    heads = shaken(name, seed).eval()
    again = rebuild(json.loads(json.dumps(describe(heads))), n_heads=HEADS)
    again.load_state_dict(heads.state_dict())
    features = torch.randn(9, FEATURES, generator=torch.Generator().manual_seed(seed))
    assert torch.equal(again.eval()(features), heads(features))


@all_networks
def test_a_description_names_the_network_and_its_sizes(name: str) -> None:
    assert describe(new_heads(name)) == {
        "network": name,
        "n_heads": HEADS,
        "n_features": FEATURES,
        "sizes": list(SIZES),
        **WIDTHS[name],
    }


@all_networks
@pytest.mark.parametrize("n_heads", [1, 2, 5])
def test_rebuilds_as_many_heads_as_asked_for(name: str, n_heads: int) -> None:
    description = describe(new_heads(name))
    before = dict(description)
    heads = rebuild(description, n_heads=n_heads)
    assert isinstance(heads, CLASSES[name])
    assert describe(heads) == {**description, "n_heads": n_heads}
    assert heads(torch.ones(4, FEATURES)).shape == (n_heads, 4, sum(SIZES))
    assert description == before


def test_linear_heads_of_one_space_are_described_with_it() -> None:
    heads = LinearHeads(HEADS, FEATURES, SIZES)
    assert describe(heads)["spaces"] == [FEATURES]
