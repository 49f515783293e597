"""Image encoders in ONNX files, run by onnxruntime."""

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ucls.backbones.protocol import BackboneSpec, ImageSize, Preprocess, Tokens, spatial_size
from ucls.errors import UclsError, UsageError

_INTERPOLATION = "bicubic"
_CROP_SHARE = 0.875


class OnnxBackbone:
    """A network in an ONNX file, on the CPU, in the precision that it was saved with.

    Pictures are resized, cropped and normalised as for ImageNet. Its ``cls`` is the output
    [B, D], or the first token of an output [B, T, D].

    Args:
        path: of the file.
        name: in the spec.
        image_size: pixels per side, or (height, width).

    Raises:
        UsageError: if the file is not such a network, or a package is missing.
    """

    device = "cpu"

    def __init__(self, path: Path, *, name: str, image_size: ImageSize) -> None:
        from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
        from timm.data.transforms_factory import create_transform

        from ucls.backbones.timm_backbone import TimmPreprocess

        self._session, self._input = _open(path)
        size = spatial_size(image_size)
        _check_size(path, self._input, size)
        mean, std = IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
        transform = create_transform(
            (3, *size), interpolation=_INTERPOLATION, crop_pct=_CROP_SHARE, normalize=False
        )
        self.preprocess: Preprocess = TimmPreprocess(transform)
        self._mean, self._std = (torch.tensor(values).view(3, 1, 1) for values in (mean, std))
        self._path = path
        shape = self._run(torch.zeros(1, 3, *size)).shape
        if len(shape) not in (2, 3):
            raise _wrong(path, f"an output of shape {tuple(shape)} for one image")
        self.note = f"takes the first of {shape[1]} tokens" if len(shape) == 3 else ""
        self.spec = BackboneSpec(
            name=name,
            weights_hash=_hash_files(path),
            timm_version="none",
            image_size=size[0] if size[0] == size[1] else size,
            channels=3,
            crop=f"center {_CROP_SHARE}",
            interpolation=_INTERPOLATION,
            mean=mean,
            std=std,
            precision="float32",
            n_layers=1,
            n_features=shape[-1],
            has_patch_mean=False,
        )

    def encode(self, batch: Tensor) -> Tokens:
        """Scales and normalises preprocessed images, then runs the network on them.

        Args:
            batch: uint8 [B, 3, H, W].

        Returns:
            float32 ``cls`` [B, 1, D].
        """
        pixels = (batch.to("cpu", torch.float32) / 255 - self._mean) / self._std
        if self._input.shape[0] == 1:  # exported for single images
            vectors = torch.cat([self._run(image) for image in torch.split(pixels, 1)])
        else:
            vectors = self._run(pixels)
        first = vectors if vectors.ndim == 2 else vectors[:, 0]
        return Tokens(cls=first.unsqueeze(1), patch_mean=None)

    def _run(self, pixels: Tensor) -> Tensor:
        try:
            (output,) = self._session.run(None, {self._input.name: pixels.numpy()})
        except Exception as error:  # onnxruntime has errors of many kinds
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise UclsError(f"onnxruntime fails on {self._path}: {reason[:200]}") from error
        return torch.from_numpy(output)


def build_onnx(
    name: str, *, image_size: ImageSize, weights: str | None, **unused: object
) -> OnnxBackbone:
    """Builds the backbone in an ONNX file, which has a device and precision of its own.

    Arguments and errors are those of :func:`ucls.backbones.build.build_backbone`.
    """
    if weights is None or not Path(weights).expanduser().is_file():
        raise UsageError(
            f"backbone {name} needs its file, got {weights}: pass --backbone onnx:FILE, or "
            "--weights FILE where it has moved"
        )
    return OnnxBackbone(Path(weights).expanduser(), name=name, image_size=image_size)


def told_size(weights: str) -> ImageSize:
    """Height and width of the images that a file takes.

    Raises:
        UsageError: if it leaves them open, or is no image encoder.
    """
    path = Path(weights)
    _, takes = _open(path)
    height, width = takes.shape[2:]
    if not isinstance(height, int) or not isinstance(width, int):
        raise UsageError(
            f"{path} takes images of any size: say which, such as --set extract.image_size=224"
        )
    return height if height == width else (height, width)


def _open(path: Path) -> tuple[Any, Any]:
    """The session and its only input, float32 [B, 3, H, W]."""
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError(
            "backbones in ONNX need the package onnxruntime: pip install 'ucls[export]'"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors alone; they are raised too
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has errors of many kinds
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UsageError(f"cannot read {path} as ONNX: {reason[:200]}") from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    for kind, found in (("input", inputs), ("output", outputs)):
        if len(found) != 1:
            names = ", ".join(value.name for value in found)
            raise _wrong(path, f"{len(found)} {kind}s ({names})")
        if found[0].type != "tensor(float)":
            raise _wrong(path, f"an {kind} of {found[0].type}")
    shape = inputs[0].shape  # a side that is left open is text or None
    if len(shape) != 4 or (isinstance(shape[1], int) and shape[1] != 3):
        raise _wrong(path, f"an input of shape {shape}")
    return session, inputs[0]


def _check_size(path: Path, takes: Any, size: tuple[int, int]) -> None:
    for side, own in zip(size, takes.shape[2:], strict=True):
        if isinstance(own, int) and own != side:
            raise UsageError(
                f"{path} takes images of {takes.shape[2]}x{takes.shape[3]} pixels, not "
                f"{size[0]}x{size[1]}: leave extract.image_size out"
            )


def _wrong(path: Path, found: str) -> UsageError:
    return UsageError(
        f"expected one input float32 [batch, 3, height, width] and one output [batch, D] or "
        f"[batch, tokens, D] in {path}, got {found}: export the image encoder alone"
    )


def _hash_files(path: Path) -> str:
    """The sha256 over the file, and over that of its weights where they lie beside it."""
    digest = hashlib.sha256()
    # Exporters put large weights beside the graph, torch and optimum under these names.
    for file in (path, *(path.with_name(f"{path.name}{end}") for end in (".data", "_data"))):
        if file.is_file():
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
