"""A small convolutional network, for small images and machines without a GPU."""

from itertools import pairwise

from torch import Tensor, nn

WIDTHS = (32, 64, 128, 256)


class SmallNet(nn.Module):
    """Four convolutions of 3x3 with batch norm; the first three halve the sides.

    It has the interface of timm's models as far as :class:`ucls.backbones.encoder.Encoder` needs.

    Args:
        channels: 1 for grey, 3 for colour.
    """

    num_features = WIDTHS[-1]
    feature_info = ({"num_chs": WIDTHS[-1], "reduction": 8, "module": "layers"},)

    def __init__(self, channels: int) -> None:
        super().__init__()
        strides = (2, 2, 2, 1)
        self.layers = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
                    nn.BatchNorm2d(after),
                    nn.ReLU(inplace=True),
                )
                for (before, after), stride in zip(
                    pairwise((channels, *WIDTHS)), strides, strict=True
                )
            )
        )

    def forward_features(self, pixels: Tensor) -> Tensor:
        """The last map, [B, 256, H / 8, W / 8], of pixels [B, channels, H, W]."""
        maps: Tensor = self.layers(pixels)
        return maps

    def forward_head(self, maps: Tensor, *, pre_logits: bool = True) -> Tensor:
        """The mean of a map over all places, [B, 256]; there are no logits."""
        return maps.mean(dim=(2, 3))
