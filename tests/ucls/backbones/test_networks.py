import pytest
import torch

from ucls.backbones.networks import find_network

T = torch.ones(2)
NAMES = ("conv1.weight", "bn1.weight", "bn1.num_batches_tracked", "layer1.0.conv1.weight")


def state_of(prefix=""):
    return {f"{prefix}{name}": T for name in NAMES}


@pytest.mark.parametrize(
    "checkpoint",
    [
        state_of(),
        {"state_dict": state_of("module."), "epoch": 3},
        {"model": {"backbone": state_of()}, "optimizer": {"state": [T]}},
        state_of("encoder.") | {"head.weight": T},
    ],
)
def test_it_is_found_in_any_wrapper(checkpoint):
    assert find_network(checkpoint, NAMES).keys() == {n for n in NAMES if "tracked" not in n}


def test_heads_are_left_out_unless_the_network_has_them():
    state = state_of() | {"head.norm.weight": T, "head.fc.weight": T, "fc.weight": T, "extra.a": T}
    found = find_network(state, (*NAMES, "head.norm.weight")).keys()
    assert found == {n for n in NAMES if "tracked" not in n} | {"head.norm.weight", "extra.a"}


def test_two_networks():
    with pytest.raises(ValueError, match=r"several networks: student\., teacher\."):
        find_network({"student": state_of(), "teacher": state_of()}, NAMES)


def test_what_is_not_there_is_left_to_timm():
    assert find_network({"a.b": T, "c": {"d": T}}, NAMES).keys() == {"a.b", "c.d"}
