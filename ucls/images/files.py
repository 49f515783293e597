"""Image files: which there are in a folder, and how one becomes an RGB picture."""

import importlib
import os
import stat
import warnings
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError, features

from ucls.errors import UclsError, UsageError
from ucls.images.contents import EMPTY, UNKNOWN, kind_of
from ucls.images.repair import picture_only

IMAGE_SUFFIXES = (
    ".avif", ".bmp", ".gif", ".heic", ".heif", ".hif", ".jfif", ".jp2", ".jpeg", ".jpg", ".pbm",
    ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip
"""File endings that count as images, in lower case; upper case counts too."""

MAX_PIXELS = 100_000_000
"""Larger pictures are not decoded: a small file can hold one that fills the memory."""

STRETCHED = "stretched"
"""What marks the ``info`` of a picture whose values had no known range."""

_LARGEST_16_BIT = 65_535
_WHITE_IS_ZERO = 0  # the value of TIFF's PhotometricInterpretation
_SAMPLE_FORMAT, _UNSIGNED = 339, 1  # a tag of TIFF, and its value where it is missing

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


def is_image_file(path: Path) -> bool:
    """Whether a path is that of a file that counts as an image by its ending."""
    return path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()


def find_images(folder: Path) -> list[str]:
    """Lists the images under a folder.

    Hidden files and folders are left out, and so are symbolic links to folders and links to
    files that lie outside ``folder``. Names that are not UTF-8 keep their bytes, as Python's
    ``surrogateescape``.

    Args:
        folder: where to look, at any depth.

    Returns:
        Paths relative to ``folder`` with forward slashes, sorted.

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


def read_image(source: Path | bytes) -> Image.Image:
    """Reads one image as a person sees it.

    The EXIF orientation is applied, transparency is composited on white, 16-bit grey is scaled
    to 8 bits, and an animation gives its first frame. Floats within 0..1 go from black to white;
    other floats, and integers beyond 0..65,535, are stretched from the least to the largest finite
    value of the picture, and what is not finite becomes black.
    Pictures of more than :data:`MAX_PIXELS` are refused, as are those above twice
    ``PIL.Image.MAX_IMAGE_PIXELS`` if that is less. Where odd metadata or a missing end keep a
    whole picture from being read, it is read without them.

    Args:
        source: an image file of any kind that Pillow reads, or its content; HEIC needs the
            package pillow-heif.

    Returns:
        A fully loaded picture of mode ``RGB``; its ``info`` has :data:`STRETCHED` if the values
        were floats, or integers beyond 16 bits, whose range is a guess.

    Raises:
        UnreadableImageError: if there is no picture to be had; the message says why.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns of odd metadata and of large pictures; both are fine if it reads them.
            warnings.simplefilter("ignore")
            try:
                return _decode(source)
            except (UnreadableImageError, MemoryError):
                raise
            except Exception:  # of the many ways to fail, some are odd metadata
                picture = _decode_picture_only(source)
                if picture is None:
                    raise
                return picture
    except (UnreadableImageError, MemoryError):
        raise
    except Exception as error:  # damaged files make Pillow's decoders fail in many ways
        raise UnreadableImageError(_reason(source, error)) from error


def _decode_picture_only(source: Path | bytes) -> Image.Image | None:
    """The picture without its metadata; None if it is not whole, or of another format."""
    pictures = [_decode(content) for content in picture_only(source)]
    return pictures[0] if pictures and all(other == pictures[0] for other in pictures) else None


def _decode(source: Path | bytes) -> Image.Image:
    with _open(source) as opened:
        return as_seen(opened)


def as_seen(opened: Image.Image) -> Image.Image:
    """Turns an opened image into a picture of mode ``RGB``, as :func:`read_image` has it.

    Raises:
        UnreadableImageError: if it has too many pixels, or none is a finite number.
    """
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


def _open(source: Path | bytes) -> Image.Image:
    # A pipe would be waited for.
    if isinstance(source, Path) and not stat.S_ISREG(source.stat().st_mode):
        raise UnreadableImageError("not a regular file")
    try:
        return _identify(source)
    except UnidentifiedImageError:
        if _brand(source) in _HEIC_BRANDS and _register_heic():
            return _identify(source)
        raise


def _identify(source: Path | bytes) -> Image.Image:
    return Image.open(BytesIO(source) if isinstance(source, bytes) else source)


def _brand(source: Path | bytes) -> bytes:
    with BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
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
    """The end of the scale of wide grey: 4,095 in a TIFF of 12 bits, 2**32 - 1 without sign."""
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(ExifTags.Base.BitsPerSample, (16,))[0]
    if bits == 32 and tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0] == _UNSIGNED:
        return 2**32 - 1
    return 2**bits - 1 if 8 < bits < 16 else _LARGEST_16_BIT


def _from_wide_grey(image: Image.Image, *, largest: int, white_is_zero: bool) -> Image.Image:
    """Scales grey of 9 to 32 bits to 8 bits; what is transparent becomes white.

    Args:
        image: may keep its values in 32 bits.
        largest: the value of white, or of black if white is zero, unless the values are floats or
            lie beyond 16 bits.
        white_is_zero: whether 0 is white.
    """
    values = np.asarray(image)
    if largest > _LARGEST_16_BIT:  # Pillow takes the bits for numbers with a sign
        values, largest = values.view(np.uint32), _LARGEST_16_BIT
    is_stretched = image.mode == "F" or values.min() < 0 or values.max() > _LARGEST_16_BIT
    if is_stretched:
        values, largest = _stretch(values), 1
    if white_is_zero:
        values = largest - values
    if "transparency" in image.info:
        values = np.where(np.asarray(image) == image.info["transparency"], largest, values)
    grey = Image.fromarray(np.rint(values / (largest / 255)).clip(0, 255).astype(np.uint8))
    if is_stretched:
        grey.info[STRETCHED] = True
    return grey


def _stretch(values: NDArray[Any]) -> NDArray[np.float64]:
    """Brings values to 0..1: floats within it stay, others go from their least to their largest."""
    is_finite = np.isfinite(values)
    if not is_finite.any():
        raise UnreadableImageError("no pixel is a finite number")
    finite = values[is_finite].astype(np.float64)
    low, high = finite.min(), finite.max()
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    scaled: NDArray[np.float64] = np.where(is_finite, values, low).astype(np.float64) - low
    scaled /= max(high - low, 1e-300)
    return scaled


def _reason(source: Path | bytes, error: Exception) -> str:
    """Says in a few words why Pillow could not read a file."""
    if isinstance(error, Image.DecompressionBombError):
        return _too_many_pixels()
    if isinstance(error, UnidentifiedImageError):
        return _unidentified_reason(source)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split()) or type(error).__name__
    return "truncated file" if "truncated" in text.lower() else f"damaged: {text}"


def _unidentified_reason(source: Path | bytes) -> str:
    brand = _brand(source)
    if brand in _HEIC_BRANDS:
        return "damaged" if _register_heic() else "HEIC needs the package pillow-heif"
    if brand in _AVIF_BRANDS:
        return "damaged" if features.check("avif") else "AVIF needs Pillow 11.3 or newer"
    kind = kind_of(source)
    if kind.endswith("picture"):
        return f"{kind}, damaged or of a sort that Pillow does not read"
    if kind in (EMPTY, UNKNOWN):
        return "empty file" if kind == EMPTY else "not an image"
    return f"not an image, but {kind}"
