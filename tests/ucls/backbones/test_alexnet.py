import torch

from ucls.backbones.alexnet import AlexNet


def test_it_has_the_shapes_of_the_paper():
    network = AlexNet(2).eval()
    maps = network.forward_features(torch.randn(1, 2, 224, 224))
    assert maps.shape == (1, 256, 6, 6)
    assert network.forward_head(maps).shape == (1, 4096)
    # As in the linear probes of UIC (section 4.3): conv1 to conv5 make 96, 256, 384, 384, 256.
    widths = [one.out_channels for one in network.modules() if isinstance(one, torch.nn.Conv2d)]
    assert widths == [96, 256, 384, 384, 256]
    norms = [one for one in network.modules() if isinstance(one, torch.nn.BatchNorm2d)]
    assert len(norms) == 5
