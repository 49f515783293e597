"""Weights from files: safetensors and PyTorch checkpoints, told apart by their content."""

import argparse
import re
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor

from ucls.backbones.layouts import to_timm
from ucls.backbones.weight_files import INDEX, weight_files
from ucls.backbones.wrappers import drop_aside, unwrap
from ucls.errors import UnreadableError, UsageError
from ucls.wording import cause

# Training checkpoints hold options beside the weights, and paths among them. Neither class runs
# code; pure paths stand in for those of any system, which only that system can make.
_PATHS = {
    "PosixPath": PurePosixPath,
    "PurePosixPath": PurePosixPath,
    "WindowsPath": PureWindowsPath,
    "PureWindowsPath": PureWindowsPath,
}
_SAFE_CLASSES: list[Any] = [
    argparse.Namespace,
    *(
        (_PATHS[name], f"{module}.{name}")
        for module in ("pathlib", "pathlib._local")
        for name in _PATHS
    ),
]

_PICKLE = re.compile(rb"\x80[\x02-\x05]")
# How the files of torch.save before PyTorch 1.6 begin, which are pickles too.
_TORCH_PICKLE = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_ZIP = b"PK\x03\x04"
# A safetensors file begins with the length of its header, which is JSON.
_SAFETENSORS = re.compile(rb".{6}\x00\x00\{", re.DOTALL)
_OTHER_KINDS = (
    (rb"\Z", "an empty file"),
    (rb"version https://git-lfs", "a pointer of Git LFS in place of the file; run `git lfs pull`"),
    (rb"(?i)\s*<(?:!doctype|html|\?xml)", "a web page in place of the file"),
    (rb"\x89HDF", "an HDF5 file"),
    (rb"\x93NUMPY", "a NumPy array"),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf", "a compressed file; unpack it first"),
    (rb".{257}ustar", "a tar archive; unpack it first"),
    (
        rb"\s*\{\s*\"(?:metadata|weight_map)",
        f"the list of a checkpoint's parts, whose name should end in {INDEX}",
    ),
    (rb"(?:[\t\n\r -~]|[\xc2-\xf4][\x80-\xbf]*)+\Z", "a text file"),
)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Reads the weights of a backbone, on the CPU, without ever running code from the file.

    Args:
        path: a .safetensors file or a PyTorch checkpoint, whatever its name ends in; the index of
            one in parts; or a folder as transformers saves it. Of a training checkpoint, the
            teacher or target encoder is taken, and projection heads are left out.

    Returns:
        Tensors under the names that timm gives them.

    Raises:
        UsageError: if the file is not there, of another kind, damaged, without weights, or if it
            holds Python objects, or tensors of unknown kind beside the backbone.
    """
    checkpoint = read_checkpoint(path)
    try:
        state = select_backbone(checkpoint)
    except ValueError as error:
        raise UsageError(
            f"cannot tell the weights of a backbone in {path}: {error}; give a file of these alone"
        ) from error
    if not state:
        raise UsageError(f"expected weights in {path}, got a file without tensors of a model")
    return state


def read_checkpoint(path: Path) -> Any:
    """Reads what :func:`read_weights` selects from, with the same errors.

    Returns:
        Tensors by name; of a PyTorch checkpoint, whatever is in it.
    """
    files = weight_files(path)
    if len(files) == 1:
        return _reader(files[0])(files[0])
    state: dict[str, Tensor] = {}
    for file in files:
        state |= _reader(file)(file)
    return state


def select_backbone(checkpoint: Any) -> dict[str, Tensor]:
    """Finds the weights of the backbone in a checkpoint.

    Args:
        checkpoint: what a checkpoint file holds.

    Returns:
        The tensors of the backbone under timm's names, see :mod:`ucls.backbones.wrappers` and
        :mod:`ucls.backbones.layouts`; without heads. Empty if there are none.

    Raises:
        ValueError: if the checkpoint holds something of unknown kind beside the backbone.
    """
    return drop_aside(to_timm(unwrap(checkpoint)))


def _reader(path: Path) -> Callable[[Path], Any]:
    """Tells by its content how to read a file."""
    try:
        start = _start(path) if path.is_file() else None
        if start is None:
            kind = "it is no regular file" if path.exists() else "there is no such file"
        elif _SAFETENSORS.match(start):
            return _read_safetensors
        elif start.startswith(_ZIP) or _PICKLE.match(start):
            return _read_torch
        else:
            kinds = (kind for begin, kind in _OTHER_KINDS if re.match(begin, start, re.DOTALL))
            kind = f"it is {next(kinds, 'another kind of file')}"
    except OSError as error:
        raise _unreadable(path, error) from error
    raise UsageError(
        f"expected weights as a .safetensors file or a PyTorch checkpoint, got {path}: {kind}"
    )


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(512)


def _read_torch(path: Path) -> Any:
    is_zip = zipfile.is_zipfile(path)
    try:
        with (
            torch.serialization.safe_globals(_SAFE_CLASSES),
            warnings.catch_warnings(),
            path.open("rb") as file,
        ):
            # PyTorch warns of files that it then refuses, which the error says in a line.
            warnings.simplefilter("ignore")
            # Given the path of one that ends so, it would read safetensors.
            source = file if path.suffix == ".safetensors" else path
            return torch.load(
                source, map_location="cpu", weights_only=True, mmap=is_zip and source is path
            )
    except (OSError, MemoryError) as error:
        raise _unreadable(path, error) from error
    except Exception as error:
        objects = _objects_in(path, error)
        if objects:
            raise UsageError(
                f"{path} holds Python objects ({objects}), which are never loaded "
                "because they can run code: give a file of tensors alone, or .safetensors"
            ) from error
        if is_zip and _is_whole(path):
            raise _unreadable(path, _other_archive(path) or error) from error
        raise _damaged(path, "a PyTorch checkpoint") from error


def _is_whole(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return archive.testzip() is None


def _other_archive(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        is_torch = any(name.endswith("/data.pkl") for name in archive.namelist())
    return "" if is_torch else "it is a zip archive of another kind"


def _objects_in(path: Path, error: Exception) -> str:
    """Names what PyTorch refused for safety; empty if the file is damaged."""
    found = re.search(r"GLOBAL (\S+)|TorchScript", str(error))
    if found:
        return found[1] or found[0]
    start = _start(path)
    is_plain = _PICKLE.match(start) and not start.startswith(_TORCH_PICKLE)
    return "a plain pickle" if is_plain else ""


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, MemoryError) as error:
        raise _unreadable(path, error) from error
    except SafetensorError as error:
        raise _damaged(path, "safetensors") from error


def _unreadable(path: Path, problem: BaseException | str) -> UsageError:
    if isinstance(problem, BaseException) and (reason := cause(problem)):
        return UnreadableError(f"cannot read {path}: {reason}")
    reason = shorten(str(problem), 150) or type(problem).__name__
    return UsageError(
        f"expected weights that can be read, got {path}: {reason}; see that it can be opened, and "
        "that it is a .safetensors file or a PyTorch checkpoint"
    )


def _damaged(path: Path, kind: str) -> UsageError:
    return UsageError(f"cannot read {path} as {kind}: it is damaged or incomplete; get it again")
