"""UCLS: cluster images without labels on top of frozen, pretrained vision transformers."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["UCLS", "ConsensusClustering", "MergeClustering", "Predictor"]
_HOMES = {"Predictor": "ucls.runs.predictor"}


def __getattr__(name: str) -> Any:
    """The public classes, which are imported when they are asked for, as that takes a second.

    Raises:
        AttributeError: for any other name.
    """
    if name in __all__:
        return getattr(import_module(_HOMES.get(name, "ucls.estimators")), name)
    raise AttributeError(f"module 'ucls' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
