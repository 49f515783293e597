"""Networks to be learned: any of timm's, fitted to the size of the images."""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ucls.backbones.alexnet import AlexNet
from ucls.backbones.learned_files import SMALL_IMAGES
from ucls.backbones.small_net import SmallNet
from ucls.backbones.sobel import N_CHANNELS, sobel
from ucls.backbones.timm_models import is_known
from ucls.errors import UsageError

SMALL, ALEXNET = "small", "alexnet"
_PATCHES_PER_SIDE = 8


@dataclass(frozen=True)
class Architecture:
    """What decides the shapes of all weights.

    Attributes:
        name: ``small``, ``alexnet``, or of a model of timm.
        channels: 1 for grey, 3 for colour.
        image_size: pixels per side of what it is learned on.
        sobel: whether the network sees edges in place of these channels.
    """

    name: str
    channels: int
    image_size: int
    sobel: bool = False

    def as_text(self) -> dict[str, str]:
        """For the metadata of a file."""
        return {name: str(value) for name, value in asdict(self).items()}


class Encoder(nn.Module):
    """A network without its classifier: images to maps, maps to one vector.

    Args:
        architecture: of the network; its weights are random.

    Attributes:
        width: D of the vectors.
        map_width: channels of the last map; None if the network has no such map.

    Raises:
        UsageError: if timm has no such model, or it does not take such images.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.network: Any = _build(architecture)
        maps, vectors = self._shapes()
        self.width: int = vectors[1]
        self.map_width: int | None = maps[1] if len(maps) == 4 else None

    def forward(self, pixels: Tensor) -> Tensor:
        """Vectors [B, D] of normalised pixels [B, channels, H, W]."""
        return self.pool(self.maps(pixels))

    def maps(self, pixels: Tensor) -> Tensor:
        """The last map [B, map_width, h, w], or what the network has in its place."""
        if self.architecture.sobel:
            pixels = sobel(pixels)
        maps: Tensor = self.network.forward_features(pixels)
        return maps

    def pool(self, maps: Tensor) -> Tensor:
        """Vectors [B, D] of what :meth:`maps` gives."""
        vectors: Tensor = self.network.forward_head(maps, pre_logits=True)
        return vectors

    def dense(self, pixels: Tensor) -> Tensor:
        """Vectors of places [B, h, w, D'] of normalised pixels [B, channels, H, W].

        Raises:
            UsageError: if the network has neither maps nor patches.
        """
        maps = self.maps(pixels)
        if maps.dim() == 4:
            return maps.permute(0, 2, 3, 1)
        embed: Any = getattr(self.network, "patch_embed", None)
        if not hasattr(embed, "dynamic_feat_size"):
            raise UsageError(
                f"architecture {self.architecture.name} has neither maps nor patches: take "
                "another, such as resnet18 or vit_tiny_patch16_224"
            )
        grid = embed.dynamic_feat_size(pixels.shape[-2:])
        return maps[:, self.network.num_prefix_tokens :].reshape(len(pixels), *grid, -1)

    def set_dropout(self, share: float) -> None:
        """Sets the dropout between the fully connected layers of a network that has such.

        Args:
            share: of the values that are dropped while it trains, in 0..1.
        """
        for layer in getattr(self.network, "pre_logits", nn.Identity()).modules():
            if isinstance(layer, nn.Dropout):
                layer.p = share

    def _shapes(self) -> tuple[torch.Size, torch.Size]:
        """Of a map and a vector, by one image; the statistics of batch norm stay as they are."""
        size, was_training = self.architecture.image_size, self.training
        self.eval()
        try:
            with torch.no_grad():
                maps = self.maps(torch.zeros(1, self.architecture.channels, size, size))
                vectors = self.pool(maps)
        except Exception as error:
            raise UsageError(
                f"architecture {self.architecture.name} does not take images of {size}x{size} "
                f"pixels ({error}): take larger ones with --set image_size=, or another "
                f"architecture, such as {SMALL} or resnet18"
            ) from error
        self.train(was_training)
        return maps.shape, vectors.shape


def _build(architecture: Architecture) -> nn.Module:
    name, size = architecture.name.removeprefix("timm/"), architecture.image_size
    channels = N_CHANNELS if architecture.sobel else architecture.channels
    if name == SMALL:
        return SmallNet(channels)
    if name == ALEXNET:
        return AlexNet(channels)
    if not is_known(name):
        raise UsageError(
            f"architecture {name!r} is none of timm's: take one of `timm.list_models()`, such as "
            f"resnet18, vgg16_bn or vit_tiny_patch16_224; or {SMALL}, {ALEXNET}"
        )
    import timm

    options: dict[str, Any] = {}
    if name.startswith(("vit_", "deit_")):
        options = {"img_size": size, "dynamic_img_size": True}
        if size <= SMALL_IMAGES:
            options["patch_size"] = max(1, size // _PATCHES_PER_SIDE)
    elif name.startswith("convnext") and size <= SMALL_IMAGES:
        options["patch_size"] = 1
    model: nn.Module = timm.create_model(
        name, pretrained=False, num_classes=0, in_chans=channels, **options
    )
    if size <= SMALL_IMAGES:
        _spare_small_images(model, size)
    return model


def _spare_small_images(model: Any, size: int) -> None:
    """Replaces the strided start of a ResNet, and the first pools of a VGG, in place."""
    first = getattr(model, "conv1", None)
    if isinstance(first, nn.Conv2d) and hasattr(model, "maxpool"):
        model.conv1 = nn.Conv2d(first.in_channels, first.out_channels, 3, padding=1, bias=False)
        model.maxpool = nn.Identity()
    layers = getattr(model, "features", None)
    if isinstance(layers, nn.Sequential):
        pools = [i for i, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
        # A map of 2 x 2 is left at least.
        n_kept = max(0, size.bit_length() - 2)
        for place in pools[: max(0, len(pools) - n_kept)]:
            layers[place] = nn.Identity()
