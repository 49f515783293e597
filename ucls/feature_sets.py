"""Which tokens become features: one backbone's, or those of several side by side."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError
from ucls.tables import AnyFeatures


class FeaturePart(NamedTuple):
    """One backbone's share of the features."""

    feature_set: str
    """Such as ``cls+patch``; see ``features`` in the settings."""
    backbone: str | None
    """Its name; None for the run's only backbone."""


def parse_features(text: str) -> tuple[FeaturePart, ...]:
    """Reads ``cls+patch@dinov2_vitl14,cls@clip_vitl14``; see ``features`` in the settings."""
    parts = (part.partition("@") for part in text.split(","))
    return tuple(FeaturePart(name, backbone or None) for name, _, backbone in parts)


def format_features(parts: Sequence[FeaturePart]) -> str:
    """Writes what :func:`parse_features` reads."""
    return ",".join(
        part.feature_set if part.backbone is None else f"{part.feature_set}@{part.backbone}"
        for part in parts
    )


def side_by_side(parts: Sequence[NDArray[np.floating]]) -> NDArray[np.floating]:
    """Concatenates the features of several backbones.

    Each part is first scaled to unit length, so that the cosine similarity of two images is the
    mean of those of the parts, whatever scale a backbone works at. A single part stays as it is.

    Args:
        parts: [N, D_i] for each backbone; scaled in place.

    Returns:
        [N, sum of D_i].
    """
    if len(parts) == 1:
        return parts[0]
    for part in parts:
        # Letters: n images, d features. In float64 no square overflows or vanishes.
        norms = np.sqrt(np.einsum("nd,nd->n", part, part, dtype=np.float64))[:, None]
        np.divide(part, np.where(norms > 0, norms, 1), out=part, casting="same_kind")
    return np.concatenate(parts, axis=1)


def check_not_equal(features: AnyFeatures) -> None:
    """Refuses features [N, D] that are all the same.

    Raises:
        UsageError: if they are.
    """
    if count_distinct(features, enough=2) == 1:
        raise UsageError(
            f"all {len(features)} rows of features are the same, so nothing tells them apart: "
            "check their values, or of images that they differ and suit the backbone"
        )


def count_distinct(features: AnyFeatures, *, enough: int) -> int:
    """How many rows of features [N, D] differ; counting stops at ``enough``."""
    seen: set[bytes] = set()
    for row in features:
        seen.add((row + 0.0).tobytes())  # makes -0 to 0
        if len(seen) == enough:
            break
    return len(seen)
