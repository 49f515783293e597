"""The files that weights lie in: one, or the parts of one that its index lists."""

import json
from pathlib import Path

from ucls.errors import UsageError

INDEX = ".index.json"
_NAMES = (
    "model.safetensors",
    "pytorch_model.bin",
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.bin",
)
# In the order in which the libraries look for them.
NAMES_IN_FOLDER = tuple(name for file in _NAMES for name in (file, f"{file}{INDEX}"))


def weight_files(path: Path) -> list[Path]:
    """Finds the files to read.

    Args:
        path: a file with weights, the index of its parts, or a folder as transformers, timm or
            OpenCLIP save it.

    Returns:
        One file, or all parts, in the order of their names.

    Raises:
        UsageError: if a folder has no weights, or an index names parts that are not there.
    """
    if path.is_dir():
        found = [path / name for name in NAMES_IN_FOLDER if (path / name).is_file()]
        if not found:
            raise UsageError(
                f"expected weights as a .safetensors file or a PyTorch checkpoint, got {path}: it "
                f"is a folder without {' or '.join(_NAMES[:2])}, so give the file itself"
            )
        path = found[0]
    return _parts(path) if path.name.endswith(INDEX) and path.is_file() else [path]


def _parts(index: Path) -> list[Path]:
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        parts = [index.with_name(name) for name in sorted(names)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"expected the list of a checkpoint's parts in {index}, got something else "
            f"({type(error).__name__}): get it again"
        ) from error
    missing = [part.name for part in parts if not part.is_file()]
    if missing or not parts:
        raise UsageError(
            f"{index} lists {len(parts)} parts of a checkpoint, but beside it "
            f"{', '.join(missing[:3]) or 'any part'} is missing: get all of them"
        )
    return parts
