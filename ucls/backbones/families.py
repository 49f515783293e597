"""The families of backbones: whatever else needs to know of them asks here."""

from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from ucls.backbones.learned_files import LEARNED
from ucls.backbones.names import BACKBONES, ONNX, UNTRAINED
from ucls.cache import FOREGROUND

if TYPE_CHECKING:
    from ucls.backbones.protocol import Backbone, ImageSize

IMAGE_SIZE = 224


@dataclass(frozen=True)
class Family:
    """Backbones that are built alike.

    Attributes:
        name: of the family, and of its only backbone where it has one.
        claims: whether a canonical name is one of its backbones.
        build: ``module:function``, imported when it is called; takes the name, and by keyword
            ``image_size``, ``channels``, ``weights``, ``device`` and ``precision``.
        image_size: pixels per side by default, by name.
        channels: numbers of channels that it takes, the default first.
        has_weights: without, it computes nothing, and has no precision to choose.
        takes_native: whether it takes images of a dataset at their own size and channels.
        gives_one_vector: whether all it makes of an image is one vector, ``cls``.
        told_size: ``module:function`` for the size that weights tell, None where they do not.
        told_channels: the same for the number of channels.
        is_torch: whether torch computes it, so that it can become part of an ONNX file.
    """

    name: str
    claims: Callable[[str], bool]
    build: str
    image_size: "Callable[[str], ImageSize]"
    channels: tuple[int, ...] = (3,)
    has_weights: bool = True
    takes_native: bool = False
    gives_one_vector: bool = False
    told_size: str | None = None
    told_channels: str | None = None
    is_torch: bool = True

    def __call__(self, name: str, **options: Any) -> "Backbone":
        """Builds one of its backbones."""
        backbone: Backbone = resolve_name(self.build)(name, **options)
        return backbone

    def default_size(self, name: str, weights: str | None) -> "ImageSize":
        """Pixels per side of a backbone with these weights, where nothing else is asked for."""
        told: ImageSize | None = None
        if weights is not None and self.told_size is not None:
            told = resolve_name(self.told_size)(weights)
        return told or self.image_size(name)

    def default_channels(self, weights: str | None) -> int:
        """Channels of a backbone with these weights, where nothing else is asked for."""
        if weights is not None and self.told_channels is not None:
            return int(resolve_name(self.told_channels)(weights))
        return self.channels[0]


def _is_pooled(name: str) -> bool:
    """Asks timm, of names that are not known without it."""
    if name in BACKBONES or "," in name or name == "features":
        return False
    return bool(resolve_name("ucls.backbones.pooled:is_pooled")(name))


def _pooled_size(name: str) -> "ImageSize":
    size: ImageSize = resolve_name("ucls.backbones.pooled:pooled_size")(name)
    return size


def _vit_size(name: str) -> "ImageSize":
    return BACKBONES[name].image_size if name in BACKBONES else IMAGE_SIZE


FAMILIES = [
    Family(
        name="pixels",
        claims=lambda name: name == "pixels",
        build="ucls.backbones.pixels:build_pixels",
        image_size=lambda _: 32,
        channels=(3, 1),
        has_weights=False,
        takes_native=True,
        gives_one_vector=True,
    ),
    Family(
        name="onnx",
        claims=lambda name: name.startswith(ONNX),
        build="ucls.backbones.onnx_encoder:build_onnx",
        image_size=lambda _: IMAGE_SIZE,
        gives_one_vector=True,
        told_size="ucls.backbones.onnx_encoder:told_size",
        is_torch=False,
    ),
    Family(
        name="learned",
        claims=lambda name: name.startswith(LEARNED),
        build="ucls.backbones.learned:build_learned",
        image_size=lambda _: IMAGE_SIZE,
        channels=(3, 1),
        gives_one_vector=True,
        told_size="ucls.backbones.learned_files:told_size",
        told_channels="ucls.backbones.learned_files:told_channels",
    ),
    Family(
        name="foreground",
        claims=lambda name: name.removesuffix(UNTRAINED).endswith(FOREGROUND),
        build="ucls.backbones.foreground:build_foreground",
        image_size=lambda name: _vit_size(name.removesuffix(FOREGROUND)),
        told_size="ucls.backbones.hub_folder:told_size",
    ),
    Family(
        name="pooled",
        claims=_is_pooled,
        build="ucls.backbones.pooled:build_pooled",
        image_size=_pooled_size,
        gives_one_vector=True,
        told_size="ucls.backbones.hub_folder:told_size",
    ),
    Family(
        name="vit",
        claims=lambda _: True,
        build="ucls.backbones.vit:build_vit",
        image_size=_vit_size,
        told_size="ucls.backbones.hub_folder:told_size",
    ),
]
"""The first that claims a name has it."""


def family_of(name: str) -> Family:
    """The family of a backbone's canonical name."""
    return next(family for family in FAMILIES if family.claims(name))


def register(family: Family) -> None:
    """Adds a family from outside of the package, before those that are there."""
    FAMILIES.insert(0, family)
