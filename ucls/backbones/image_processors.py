"""What transformers describes in a ``preprocessor_config.json``, as timm's preprocessing."""

from collections.abc import Mapping
from typing import Any

from ucls.backbones.protocol import ImageSize
from ucls.backbones.timm_data import check_data

# The numbers of Pillow's filters.
_FILTERS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}

_Processor = Mapping[str, Any]


def processed_size(processor: _Processor) -> ImageSize | None:
    """Height and width of the images that a model gets; None if it is not told."""
    crop = _sides(processor.get("crop_size")) if _is_cropped(processor) else None
    return crop or _sides(processor.get("size"))


def data_config(processor: _Processor) -> dict[str, Any]:
    """The same for timm.

    Args:
        processor: what the file holds.

    Returns:
        Those of ``mean``, ``std``, ``interpolation``, ``crop_mode`` and ``crop_pct`` that are told.

    Raises:
        ValueError: if timm has no such preprocessing.
    """
    data: dict[str, Any] = {}
    if processor.get("do_normalize", True):
        data |= {to: processor[of] for to, of in _NORMAL.items() if of in processor}
    else:
        data |= {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    if (resample := processor.get("resample")) is not None:
        if resample not in _FILTERS:
            raise ValueError(f"resample is {resample!r}, not {', '.join(map(str, _FILTERS))}")
        data["interpolation"] = _FILTERS[resample]
    size = processor.get("size")
    if "crop_pct" in processor:  # ConvNeXt's own
        data |= {"crop_mode": "center", "crop_pct": processor["crop_pct"]}
    elif _is_cropped(processor) or _shortest(size):
        crop = _sides(processor.get("crop_size"))
        resized = _shortest(size) or (size if isinstance(size, int) else None)
        share = min(_both(crop)) / resized if crop and resized else 1.0
        data |= {"crop_mode": "center", "crop_pct": share}
    elif size is not None:
        data |= {"crop_mode": "squash", "crop_pct": 1.0}
    check_data(data)
    return data


_NORMAL = {"mean": "image_mean", "std": "image_std"}


def _is_cropped(processor: _Processor) -> bool:
    return bool(processor.get("do_center_crop"))


def _shortest(size: Any) -> int | None:
    return size.get("shortest_edge") if isinstance(size, Mapping) else None


def _sides(size: Any) -> ImageSize | None:
    """One side of a square, or height and width."""
    if not isinstance(size, Mapping):
        return size if isinstance(size, int) else None
    if (side := size.get("shortest_edge")) is not None:
        return int(side)
    height, width = size.get("height"), size.get("width")
    if height is None or width is None:
        return None
    return int(height) if height == width else (int(height), int(width))


def _both(size: ImageSize) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size
