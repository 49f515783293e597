"""Weights from files: safetensors, and the original checkpoints of DINO, DINOv2, MSN and MAE."""

import argparse
import re
import warnings
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import torch
from torch import Tensor

from ucls.errors import UsageError

SUFFIXES = (".safetensors", ".pth", ".pt", ".tar", ".ckpt", ".bin")

# Where training checkpoints keep their models, the best one first: averaged over the training
# (teacher, target encoder) before trained by gradients.
_MODELS = ("teacher", "target_encoder", "model", "state_dict", "student", "encoder")
_WRAPPERS = ("module.", "backbone.")
_HEADS = ("head.", "dino_head.", "ibot_head.", "fc.", "pred.", "decoder_")

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


def read_weights(path: Path) -> dict[str, Tensor]:
    """Reads the weights of a backbone, on the CPU, without ever running code from the file.

    Args:
        path: a .safetensors file, or a PyTorch checkpoint. Of a training checkpoint, the teacher
            or target encoder is taken, and projection heads are left out.

    Returns:
        Tensors under the names that the backbone gives them.

    Raises:
        UsageError: if the file is not there, of another kind, damaged, without weights, or if it
            holds Python objects.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES or not path.is_file():
        raise UsageError(
            "expected weights as a .safetensors file or a .pth checkpoint, got "
            f"{path}: {_problem(path)}"
        )
    read = _read_safetensors if suffix == ".safetensors" else _read_torch
    state = select_backbone(read(path))
    if not state:
        raise UsageError(f"expected weights in {path}, got a file without tensors of a model")
    return state


def _problem(path: Path) -> str:
    if path.is_dir():
        return "it is a folder"
    return "it is another kind" if path.is_file() else "there is no such file"


def select_backbone(checkpoint: Any) -> dict[str, Tensor]:
    """Finds the weights of the backbone in a checkpoint.

    Args:
        checkpoint: what a checkpoint file holds.

    Returns:
        The tensors of the backbone by name: without wrappers such as ``module.backbone.`` before
        the name, without projection heads, and blocks numbered without their chunk. Empty if
        there are none.
    """
    state = _find_model(checkpoint)
    for wrapper in _WRAPPERS:
        names = [name for name in state if name.startswith(wrapper)]
        state = {name.removeprefix(wrapper): state[name] for name in names} or state
    return {
        # DINOv2 trains with its blocks in chunks, and numbers them through.
        re.sub(r"^blocks\.\d+\.(?=\d+\.)", "blocks.", name): tensor
        for name, tensor in state.items()
        if not name.startswith(_HEADS)
    }


def _find_model(checkpoint: Any) -> dict[str, Tensor]:
    if not isinstance(checkpoint, dict):
        return {}
    for key in _MODELS:
        if isinstance(checkpoint.get(key), dict):
            checkpoint = checkpoint[key]
            break
    return {
        name: value
        for name, value in checkpoint.items()
        if isinstance(name, str) and isinstance(value, Tensor)
    }


def _read_torch(path: Path) -> Any:
    try:
        with torch.serialization.safe_globals(_SAFE_CLASSES), warnings.catch_warnings():
            # PyTorch warns of files that it then refuses, which the error says in a line.
            warnings.simplefilter("ignore")
            return torch.load(
                path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
            )
    except Exception as error:
        objects = _objects_in(path, error)
        if objects:
            raise UsageError(
                f"{path} holds Python objects ({objects}), which are never loaded "
                "because they can run code: give a file of tensors alone, or .safetensors"
            ) from error
        raise _damaged(path, "a PyTorch checkpoint") from error


def _objects_in(path: Path, error: Exception) -> str:
    """Names what PyTorch refused for safety; empty if the file is damaged."""
    found = re.search(r"GLOBAL (\S+)|TorchScript", str(error))
    if found:
        return found[1] or found[0]
    with path.open("rb") as file:
        start = file.read(len(_TORCH_PICKLE))
    return "a plain pickle" if _PICKLE.match(start) and start != _TORCH_PICKLE else ""


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise _damaged(path, "safetensors") from error


def _damaged(path: Path, kind: str) -> UsageError:
    return UsageError(f"cannot read {path} as {kind}: it is damaged or incomplete; get it again")
