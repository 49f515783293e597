"""The tiny network of the fixtures."""

from torch import Tensor, nn
from torch.nn import functional as F


class TinyResNet(nn.Module):
    """Two convolutions, the second with a shortcut; a linear layer to two numbers."""

    width = 2

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.b = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8))
        self.map_width = 8
        self.width = 8

    def maps(self, pixels: Tensor) -> Tensor:
        pixels = self.a(pixels)
        return F.relu(pixels + self.b(pixels))

    def pool(self, maps: Tensor) -> Tensor:
        return maps.mean(dim=(2, 3))

    def forward(self, pixels: Tensor) -> Tensor:
        return self.pool(self.maps(pixels))
