"""What identifies a feature cache, and which features it can give."""

import hashlib
import json
import re
import unicodedata
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Literal, get_args

import h5py
import numpy as np

from ucls.errors import UsageError
from ucls.wording import count

FOREGROUND = "-foreground"
"""What is in the name of a backbone whose mean patch token is that of the foreground."""

# How many of the last blocks' class tokens, and whether the mean patch token follows them.
FEATURE_SETS: dict[str, tuple[int, bool]] = {
    "cls": (1, False),
    "cls+patch": (1, True),
    "cls2": (2, False),
    "cls4": (4, False),
    "cls4+patch": (4, True),
    "fg": (0, True),
    "cls+fg": (1, True),
    "cls4+fg": (4, True),
}

_READABLE_BYTES = 50

Precision = Literal["float32", "float16", "bfloat16"]


@dataclass(frozen=True)
class FeatureSpec:
    """The settings that a feature cache was made with; two caches are equal when these are.

    Attributes:
        dataset: name of the image set.
        split: its part, such as ``train``.
        fingerprint: hash of which images these are.
        backbone: name of the model.
        weights_hash: hash of its weights.
        timm_version: the version that built it.
        image_size: pixels per side, or (height, width).
        channels: colour channels.
        crop: how a picture is made square, and the share of it that is kept.
        interpolation: of the resizing.
        mean: per channel, subtracted from the pixels.
        std: per channel, divides the pixels.
        dtype: ``float16`` or ``float32``, on disk.
        n_layers: blocks whose class token is kept (L).
        n_features: width of a token (D).
        has_patch_mean: whether the mean patch token is kept.
        n_views: the plain image and its augmented views (V).
        precision: of the forward pass.

    Raises:
        UsageError: for another dtype or precision, or an empty shape.
    """

    dataset: str
    split: str
    fingerprint: str
    backbone: str
    weights_hash: str
    timm_version: str
    image_size: int | tuple[int, int]
    channels: int
    crop: str
    interpolation: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    dtype: Literal["float16", "float32"]
    n_layers: int
    n_features: int
    has_patch_mean: bool
    n_views: int = 1
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        if self.dtype not in {"float16", "float32"}:
            raise UsageError(f"expected dtype float16 or float32, got {self.dtype!r}")
        if self.precision not in get_args(Precision):
            raise UsageError(
                f"expected a precision of {', '.join(get_args(Precision))}, got {self.precision!r}"
            )
        if min(self.n_layers, self.n_features, self.n_views) < 1:
            raise UsageError(
                "expected at least one layer, one feature and one view, got "
                f"n_layers={self.n_layers}, n_features={self.n_features}, n_views={self.n_views}"
            )

    @property
    def bytes_per_image(self) -> int:
        """What one image takes on disk, without its path."""
        n_vectors = self.n_layers + self.has_patch_mean
        return self.n_views * n_vectors * self.n_features * np.dtype(self.dtype).itemsize

    @property
    def patches(self) -> Literal["patch", "fg"]:
        """How feature sets call the mean patch token: of all patches, or of the foreground."""
        return "fg" if FOREGROUND in self.backbone else "patch"

    @property
    def feature_sets(self) -> list[str]:
        """The feature sets that a cache of this spec can give."""
        return [
            name
            for name, (n_blocks, with_patch) in FEATURE_SETS.items()
            if n_blocks <= self.n_layers
            and (not with_patch or (self.has_patch_mean and name.endswith(self.patches)))
        ]

    def width(self, feature_set: str) -> int:
        """Returns the number of columns of a feature set.

        Raises:
            UsageError: when a cache of this spec cannot give it.
        """
        if feature_set not in self.feature_sets:
            raise UsageError(
                f"the {self.backbone} features of {self.dataset} hold "
                f"{count(self.n_layers, 'block')} {'with' if self.has_patch_mean else 'without'} "
                f"mean patch token: expected one of {', '.join(self.feature_sets)}, "
                f"got {feature_set!r}"
            )
        n_blocks, with_patch = FEATURE_SETS[feature_set]
        return (n_blocks + with_patch) * self.n_features

    def to_attributes(self) -> dict[str, Any]:
        """Returns the fields as values that HDF5 attributes take."""
        vectors = {"mean": np.array(self.mean), "std": np.array(self.std)}
        # A folder's name may have bytes that are not utf-8.
        name = np.array(self.dataset.encode(errors="surrogateescape"), h5py.string_dtype())
        return asdict(self) | vectors | {"image_size": np.array(self.image_size), "dataset": name}

    @classmethod
    def from_attributes(cls, attributes: Any) -> "FeatureSpec":
        """Reads the fields back from a mapping of HDF5 attributes.

        Files of older versions lack the fields that have a default.

        Raises:
            KeyError: when another one is missing.
        """
        names = [
            field.name
            for field in fields(cls)
            if field.default is MISSING or field.name in attributes
        ]
        return cls(**{name: _plain(attributes[name]) for name in names})

    def differences(self, wanted: "FeatureSpec") -> list[str]:
        """Names each setting in which ``wanted`` differs, with both values."""
        return [
            f"{field.name} is {getattr(self, field.name)!r} there, "
            f"{getattr(wanted, field.name)!r} now"
            for field in fields(self)
            if getattr(self, field.name) != getattr(wanted, field.name)
        ]


def cache_file_name(spec: FeatureSpec, *, location: str = "") -> str:
    """Returns a readable file name of letters, digits, ``_``, ``.`` and ``-``, in any script.

    It has less than 200 bytes in UTF-8; most file systems allow 255, with endings.

    It tells image sets, splits, backbones and image sizes apart, and nothing else: with other
    images, weights or preprocessing the same file is found, and the mismatch reported.

    Args:
        spec: of the cache.
        location: where the images lie, which tells folders of the same name apart.
    """
    names = (spec.dataset, spec.split, spec.backbone)
    digest = hashlib.sha256(json.dumps((*names, location)).encode()).hexdigest()[:8]
    readable = "-".join(map(_readable, names))
    return f"{readable}-{size_text(spec.image_size)}-{digest}.h5"


def _readable(name: str) -> str:
    """The end of a name, in at most 50 bytes."""
    # Composed, because combining marks are no letters to a regular expression.
    letters = re.sub(r"[^\w.]+", "_", unicodedata.normalize("NFC", name))
    return letters.encode(errors="ignore")[-_READABLE_BYTES:].decode(errors="ignore").lstrip(".")


def size_text(image_size: int | tuple[int, int]) -> str:
    """Returns ``224``, or ``224x448`` for (height, width)."""
    return "x".join(map(str, np.atleast_1d(image_size)))


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return tuple(value.tolist())
    return value.item() if isinstance(value, np.generic) else value
