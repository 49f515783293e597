"""Image files: which there are in a folder, and how one becomes an RGB picture."""

import importlib
import io
import os
import warnings
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError, features

from ucls.errors import UclsError, UsageError
from ucls.images.repair import read_repairable, with_ends, without_metadata

IMAGE_SUFFIXES = (
    ".avif", ".bmp", ".gif", ".heic", ".heif", ".hif", ".jfif", ".jp2", ".jpeg", ".jpg", ".pbm",
    ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip
"""File endings that count as images, in lower case; upper case counts too."""

MAX_PIXELS = 100_000_000
"""Larger pictures are not decoded: a small file can hold one that fills the memory."""

SCALED = "scaled"
"""In the ``info`` of a picture: its file does not say which values are black and white."""

_LARGEST_16_BIT = 65_535
_WHITES = (1, 255, _LARGEST_16_BIT)
_WHITE_IS_ZERO = 0  # the value of TIFF's PhotometricInterpretation

# What turns a picture upright, by its EXIF orientation.
_METHODS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# The brands in the first bytes of a file of the ISO base media format.
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})


class UnreadableImageError(UclsError):
    """An image that cannot be decoded; the message is a short reason without the path."""


def as_text(name: str) -> str:
    """The name of a file as text that can be kept anywhere; bytes that are no UTF-8 by number."""
    return os.fsencode(name).decode(errors="backslashreplace")


def find_images(folder: Path) -> list[str]:
    """Lists the images under a folder.

    Hidden files and folders are left out, and so are symbolic links to folders and links to
    files that lie outside ``folder``.

    Args:
        folder: where to look, at any depth.

    Returns:
        Paths relative to ``folder`` with forward slashes, sorted. Bytes that are not UTF-8 stand
        in them as Python has them in names of files (``surrogateescape``).

    Raises:
        UsageError: if a folder cannot be listed.
    """
    root = folder.resolve()
    try:
        return sorted(_walk(root, "", root))
    except OSError as error:
        raise UsageError(
            f"cannot list {error.filename or folder} ({error.strerror}): "
            "make the folder readable, or move it elsewhere"
        ) from error


def _walk(folder: Path | str, prefix: str, root: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, f"{prefix}{entry.name}/", root)
            elif entry.name.lower().endswith(IMAGE_SUFFIXES) and _lies_within(entry, root):
                yield prefix + entry.name


def _lies_within(entry: os.DirEntry[str], root: Path) -> bool:
    """Whether an entry is a regular file below ``root`` once links are followed."""
    if not entry.is_file():
        return False
    return not entry.is_symlink() or Path(entry.path).resolve().is_relative_to(root)


def read_image(path: Path) -> Image.Image:
    """Reads one image as a person sees it.

    The EXIF orientation is applied, transparency is composited on white, 16-bit grey is scaled
    to 8 bits, and an animation gives its first frame. Values of 32 bits are taken for 0..1, 0..255
    or 0..65,535, the narrowest that holds them all; of others the smallest becomes black and the
    largest white, and NaN black. Such pictures have :data:`SCALED` in their ``info``. Metadata that
    cannot be read, or a missing end marker, does not cost the picture. Pictures of more than
    :data:`MAX_PIXELS` are refused, as are those above twice ``PIL.Image.MAX_IMAGE_PIXELS`` if that
    is less.

    Args:
        path: an image file of any kind that Pillow reads; HEIC needs the package pillow-heif.

    Returns:
        A fully loaded picture of mode ``RGB``.

    Raises:
        UnreadableImageError: if there is no picture to be had; the message says why.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns of odd metadata and of large pictures; both are fine if it reads them.
            warnings.simplefilter("ignore")
            return _decode_or_repair(path)
    except (UnreadableImageError, MemoryError):
        raise
    except Exception as error:  # damaged files make Pillow's decoders fail in many ways
        raise UnreadableImageError(_reason(path, error)) from error


def _decode_or_repair(path: Path) -> Image.Image:
    try:
        return _decode(path)
    except (UnreadableImageError, MemoryError, Image.DecompressionBombError):
        raise
    except Exception:
        if (image := _repaired(path)) is None:
            raise
        return image


def _repaired(path: Path) -> Image.Image | None:
    """The picture of a file whose metadata is at fault, or that lacks no more than its end."""
    if (content := read_repairable(path)) is None:
        return None
    content = without_metadata(content)
    with suppress(OSError, SyntaxError, ValueError):
        return _decode(io.BytesIO(content))
    if (ended := with_ends(content)) is None:
        return None
    with suppress(OSError, SyntaxError, ValueError):
        image, filled = map(_decode, map(io.BytesIO, ended))
        return image if image.tobytes() == filled.tobytes() else None
    return None


def _decode(file: Path | io.BytesIO) -> Image.Image:
    with _open(file) as opened:
        _check_size(opened)
        opened.load()
        largest, white_is_zero = _largest_value(opened), _is_white_zero(opened)
        image = _turn_upright(opened)
    if image.mode.startswith(("I", "F")):
        return _from_wide_grey(image, largest=largest, white_is_zero=white_is_zero).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UnreadableImageError(_too_many_pixels(f"{width} x {height}; "))


def _too_many_pixels(size: str = "") -> str:
    return f"too many pixels ({size}at most {MAX_PIXELS // 1_000_000} million)"


def _is_white_zero(image: Image.Image) -> bool:
    """Whether a TIFF counts from white to black, which Pillow turns round only up to 8 bits."""
    tags = getattr(image, "tag_v2", {})
    return bool(tags.get(ExifTags.Base.PhotometricInterpretation) == _WHITE_IS_ZERO)


def _turn_upright(image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001 - whatever is wrong with the metadata, the picture is there
        return image
    method = _METHODS.get(orientation)
    return image if method is None else image.transpose(method)


def _open(file: Path | io.BytesIO) -> Image.Image:
    try:
        return Image.open(file)
    except UnidentifiedImageError:
        if isinstance(file, Path) and _brand(file) in _HEIC_BRANDS and _register_heic():
            return Image.open(file)
        raise


def _brand(path: Path) -> bytes:
    with path.open("rb") as file:
        start = file.read(12)
    return start[8:] if start[4:8] == b"ftyp" else b""


@cache
def _register_heic() -> bool:
    """Lets Pillow read HEIC where the package for it is installed."""
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except ImportError:
        return False
    return True


def _largest_value(image: Image.Image) -> int:
    """The end of the scale of wide grey: 4,095 in a TIFF of 12 bits."""
    bits = getattr(image, "tag_v2", {}).get(ExifTags.Base.BitsPerSample, (16,))[0]
    return 2**bits - 1 if 8 < bits < 16 else _LARGEST_16_BIT


def _from_wide_grey(image: Image.Image, *, largest: int, white_is_zero: bool) -> Image.Image:
    """Scales grey of 9 to 16 bits to 8 bits; what is transparent becomes white.

    Args:
        image: may keep its values in 32 bits.
        largest: the value of white, or of black if white is zero.
        white_is_zero: whether 0 is white.
    """
    values = np.asarray(image)
    is_scaled = image.mode == "F" or values.min() < 0 or values.max() > _LARGEST_16_BIT
    if is_scaled:
        values, largest = _from_black(values), 1
    if white_is_zero:
        values = largest - values
    if "transparency" in image.info:
        values = np.where(np.asarray(image) == image.info["transparency"], largest, values)
    grey = Image.fromarray(np.rint(values / (largest / 255)).clip(0, 255).astype(np.uint8))
    grey.info[SCALED] = is_scaled
    return grey


def _from_black(values: NDArray[Any]) -> NDArray[np.float64]:
    """Values of an unknown range, from 0 (black) to 1 (white)."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        raise UnreadableImageError("no pixel holds a number")
    black, white = float(finite.min()), float(finite.max())
    if black >= 0 and white <= _LARGEST_16_BIT:
        black, white = 0.0, next(end for end in _WHITES if white <= end)
    shares = (values.astype(np.float64) - black) / (white - black or 1.0)
    return np.nan_to_num(shares, nan=0.0, posinf=1.0, neginf=0.0)


def _reason(path: Path, error: Exception) -> str:
    """Says in a few words why Pillow could not read a file."""
    if isinstance(error, Image.DecompressionBombError):
        return _too_many_pixels()
    if isinstance(error, UnidentifiedImageError):
        return _unidentified_reason(path)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split()) or type(error).__name__
    return "truncated file" if "truncated" in text.lower() else f"damaged: {text}"


def _unidentified_reason(path: Path) -> str:
    if path.stat().st_size == 0:
        return "empty file"
    brand = _brand(path)
    if brand in _HEIC_BRANDS:
        return "damaged" if _register_heic() else "HEIC needs the package pillow-heif"
    if brand in _AVIF_BRANDS:
        return "damaged" if features.check("avif") else "AVIF needs Pillow 11.3 or newer"
    return "not an image"
