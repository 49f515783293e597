import pytest
import torch

from ucls.backbones.dense_stage import dense_stage
from ucls.backbones.encoder import Architecture, Encoder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size", "width", "side"),
    [
        ("resnet18", 224, 256, 14),
        ("resnet18", 32, 256, 8),
        ("vgg11_bn", 224, 512, 14),
        ("convnext_atto", 224, 160, 14),
        ("small", 32, 256, 4),
    ],
)
def test_it_is_the_fourth_stage(name: str, size: int, width: int, side: int) -> None:
    encoder = Encoder(Architecture(name, 3, size)).train()
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    stage = dense_stage(encoder)
    assert (stage.width, stage.side) == (width, side)
    assert encoder.training
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())
    if name == "resnet18":
        assert stage.module is encoder.network.layer3


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"])
def test_transformers_have_none(name: str) -> None:
    assert dense_stage(Encoder(Architecture(name, 3, 224))) is None
