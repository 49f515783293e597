"""What a file holds, told by its first bytes and never by its name."""

from pathlib import Path

PYTORCH = "a PyTorch file"

_BEGINNINGS = {
    b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.": PYTORCH,  # before its version 1.6
    b"\x93NUMPY": "a NumPy array",
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "an empty zip archive",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"MATLAB": "a MATLAB file",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\xd0\xcf\x11\xe0": "an old Office document",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"II*\0": "a TIFF picture",
    b"MM\0*": "a TIFF picture",
    b"version https://git-lfs": "a pointer of Git LFS (`git lfs pull` gets the file itself)",
    b"\x80": "a pickle",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}
TEXT, EMPTY, UNKNOWN = "a text file", "an empty file", "something else"

_N_BYTES = 512
_CHARACTERS = bytes(range(32, 256)) + b"\t\n\r\f\x1b"


def kind_of(source: Path | bytes) -> str:
    """Names what a file holds, such as ``a pickle``; :data:`UNKNOWN` if that is not known.

    Args:
        source: the file, or its content.

    Raises:
        OSError: if the file cannot be read.
    """
    start = source[:_N_BYTES] if isinstance(source, bytes) else _start_of(source)
    if not start:
        return EMPTY
    if start.startswith(b"PK\x03\x04") and b"/data.pkl" in start:
        return PYTORCH
    for beginning, kind in _BEGINNINGS.items():
        if start.startswith(beginning):
            return kind
    if start[8:10] == b'{"':  # after the length of the header
        return "a safetensors file"
    if start.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    return UNKNOWN if start.translate(None, _CHARACTERS) else TEXT


def _start_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_N_BYTES)
