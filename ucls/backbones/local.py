"""Backbones that are given by where they lie."""

from pathlib import Path
from typing import NamedTuple

from ucls.backbones.hub_folder import is_hub_folder, read_hub_folder
from ucls.backbones.learned_files import LEARNED, learned_file
from ucls.backbones.names import BACKBONES, ONNX, canonical_name


class LocalBackbone(NamedTuple):
    """A backbone and where it lies."""

    name: str
    """Canonical."""
    weights: str
    """The absolute path of what is to be read."""


def find_local(text: str) -> LocalBackbone | None:
    """Tells what lies where a backbone is said to be.

    Args:
        text: what was given as a backbone, or as weights without one.

    Returns:
        None if it is a name, or the path of anything else.

    Raises:
        UsageError: if what lies there is no backbone.
    """
    path = Path(text.removeprefix(ONNX)).expanduser()
    if path.is_file() and (text.startswith(ONNX) or path.suffix.lower() == ".onnx"):
        return LocalBackbone(f"{ONNX}{path.stem}", str(path.resolve()))
    if (learned := learned_file(path)) is not None:
        return LocalBackbone(f"{LEARNED}{learned.parent.name}", str(learned.resolve()))
    if canonical_name(text) in BACKBONES or not is_hub_folder(path):
        return None
    return LocalBackbone(read_hub_folder(path).name, str(path.resolve()))
