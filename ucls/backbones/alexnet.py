"""AlexNet with batch norm in place of local response normalisation, which timm does not have."""

from torch import Tensor, nn

_CONVOLUTIONS = (
    # width, kernel, stride, padding, whether a pool follows
    (96, 11, 4, 2, True),
    (256, 5, 1, 2, True),
    (384, 3, 1, 1, False),
    (384, 3, 1, 1, False),
    (256, 3, 1, 1, True),
)
_MAP_SIDE = 6
"""Of what the fully connected layers take; that of images of 224 pixels."""
_HIDDEN = 4096


class AlexNet(nn.Module):
    """Five convolutions and two fully connected layers (Krizhevsky et al. 2012).

    Widths are those that DeepCluster and its followers take, without groups. It has the interface
    of timm's models as far as :class:`ucls.backbones.encoder.Encoder` needs.

    Args:
        channels: of the pixels.
    """

    num_features = _HIDDEN

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for width, kernel, stride, padding, is_pooled in _CONVOLUTIONS:
            convolution = nn.Conv2d(before, width, kernel, stride, padding, bias=False)
            layers += [convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            layers += [nn.MaxPool2d(3, 2)] if is_pooled else []
            before = width
        self.features = nn.Sequential(*layers)
        self.resize = nn.AdaptiveAvgPool2d(_MAP_SIDE)
        self.pre_logits = nn.Sequential(
            nn.Flatten(),
            nn.Linear(before * _MAP_SIDE**2, _HIDDEN),
            nn.ReLU(inplace=True),
            nn.Dropout(0.0),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.ReLU(inplace=True),
        )

    def forward_features(self, pixels: Tensor) -> Tensor:
        """The last map, [B, 256, 6, 6] of 224 pixels per side."""
        maps: Tensor = self.features(pixels)
        return maps

    def forward_head(self, maps: Tensor, *, pre_logits: bool = True) -> Tensor:
        """What the fully connected layers make of a map, [B, 4096]; there are no logits."""
        vectors: Tensor = self.pre_logits(self.resize(maps))
        return vectors
