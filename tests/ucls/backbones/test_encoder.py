import pytest
import torch
from torch import nn

from ucls.backbones.encoder import Architecture, Encoder
from ucls.backbones.sobel import sobel
from ucls.errors import UsageError


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "channels", "size", "width", "map_size"),
    [
        ("small", 1, 28, 256, 4),
        ("resnet18", 3, 32, 512, 4),
        ("timm/resnet18", 3, 96, 512, 3),
        ("test_vit", 3, 32, 64, None),
        ("convnext_atto", 3, 32, 320, 4),
        ("alexnet", 3, 96, 4096, 2),
    ],
)
def test_maps_and_vectors(name, channels, size, width, map_size):
    encoder = Encoder(Architecture(name, channels, size)).eval()
    pixels = torch.randn(2, channels, size, size)
    maps = encoder.maps(pixels)
    assert encoder.width == width
    assert encoder.training is False
    if map_size is None:
        assert encoder.map_width is None
    else:
        assert maps.shape == (2, encoder.map_width, map_size, map_size)
    assert torch.equal(encoder(pixels), encoder.pool(maps))


def test_the_start_of_a_resnet_spares_small_images():
    small, large = (Encoder(Architecture("resnet18", 3, size)).network for size in (32, 224))
    assert (small.conv1.kernel_size, small.conv1.stride) == ((3, 3), (1, 1))
    assert isinstance(small.maxpool, nn.Identity)
    assert (large.conv1.kernel_size, large.conv1.stride) == ((7, 7), (2, 2))


@pytest.mark.slow
def test_a_vgg_keeps_a_map_of_small_images():
    pools = [
        sum(
            isinstance(one, nn.MaxPool2d)
            for one in Encoder(Architecture("vgg11_bn", 3, size)).network.features
        )
        for size in (16, 32, 224)
    ]
    assert pools == [3, 4, 5]


def test_local_crops_go_through_the_same_network():
    for name in ("small", "resnet18", "test_vit"):
        encoder = Encoder(Architecture(name, 3, 32)).eval()
        assert encoder(torch.randn(2, 3, 16, 16)).shape == (2, encoder.width)


@pytest.mark.parametrize("channels", [1, 3])
def test_edges_in_place_of_colours(channels):
    encoder = Encoder(Architecture("small", channels, 32, sobel=True)).eval()
    pixels = torch.randn(2, channels, 32, 32)
    expected = encoder.network.forward_features(sobel(pixels))
    assert torch.equal(encoder.maps(pixels), expected)


def test_a_name_that_timm_does_not_know():
    with pytest.raises(UsageError, match=r"architecture 'resnet19' is none of timm's: .*resnet18"):
        Encoder(Architecture("resnet19", 3, 32))


def test_a_network_that_takes_no_such_images():
    with pytest.raises(UsageError, match="does not take images of 30x30 pixels"):
        Encoder(Architecture("swin_tiny_patch4_window7_224", 3, 30))
