"""Preprocessing in timm's words, as files tell it."""

import math
from collections.abc import Callable, Mapping
from typing import Any

_FILTERS = ("nearest", "bilinear", "bicubic", "box", "hamming", "lanczos")
_CROPS = ("center", "border", "squash")


def check_data(data: Mapping[str, Any]) -> None:
    """Checks those of ``mean``, ``std``, ``interpolation``, ``crop_pct`` and ``crop_mode`` told.

    Raises:
        ValueError: if timm has no such preprocessing.
    """
    for name, (is_right, expected) in _RULES.items():
        if name in data and not is_right(data[name]):
            raise ValueError(f"{name} is {data[name]!r}, not {expected}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _is_above_0(value: Any) -> bool:
    return _is_number(value) and value > 0


def _three(is_right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, list | tuple) and len(value) == 3 and all(map(is_right, value))
    )


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "mean": (_three(_is_number), "three numbers"),
    "std": (_three(_is_above_0), "three numbers above 0"),
    "interpolation": (_FILTERS.__contains__, " or ".join(_FILTERS)),
    "crop_pct": (_is_above_0, "a number above 0"),
    "crop_mode": (_CROPS.__contains__, " or ".join(_CROPS)),
}
