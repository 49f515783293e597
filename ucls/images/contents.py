"""What a file holds, told by its first bytes and not by its name."""

import re
import zipfile
from pathlib import Path

NPY, NPZ, HDF5 = "a NumPy array", "a NumPy archive", "an HDF5 file"
TEXT, EMPTY = "text", "an empty file"

_START = 4096
_HDF5 = b"\x89HDF\r\n\x1a\n"
_KINDS = (
    (rb"\Z", EMPTY),
    (rb"\x93NUMPY", NPY),
    (re.escape(_HDF5), HDF5),
    (rb"PK(\x03\x04|\x05\x06)", NPZ),
    (rb"\x80[\x02-\x05]", "a pickle (Python objects), which is never loaded"),
    (rb"\xff\xd8\xff|\x89PNG|GIF8|BM.{12}|II\*\0|MM\0\*|RIFF.{4}WEBP", "a picture"),
    (rb"MATLAB 5\.0", "a file of MATLAB"),
    (rb"PAR1", "a Parquet file"),
    (rb"ARROW1", "an Arrow file"),
    (rb".{6}\0\0\{", "a safetensors file"),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd", "a compressed file"),
    (rb"%PDF", "a PDF document"),
    (rb"\xd0\xcf\x11\xe0", "a document of an older Office"),
    (rb"version https://git-lfs", "a pointer of Git LFS in place of the file"),
    (rb"(?i)\s*<(!doctype|html|\?xml)", "a web page in place of the file"),
    (rb"\xff\xfe|\xfe\xff|([^\0]\0){4}|(\0[^\0]){4}", "text in UTF-16"),
)


def content_of(path: Path) -> str:
    """Names what a file holds: :data:`NPY`, :data:`NPZ`, :data:`HDF5` or in words for a user.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(_START)
    for pattern, name in _KINDS:
        if re.match(pattern, start, re.DOTALL):
            return _of_zip(path) if name == NPZ else name
    return HDF5 if _is_hdf5_behind_a_header(path) else _text_or_unknown(start)


def _of_zip(path: Path) -> str:
    """Tells NumPy's archives from the many other files that are zip archives too."""
    try:
        names = zipfile.ZipFile(path).namelist()
    except (OSError, ValueError, zipfile.BadZipFile):
        return NPZ
    if any(name.endswith(".npy") for name in names) or not names:
        return NPZ
    if any(name.startswith(("xl/", "word/", "Object ")) for name in names):
        return "an Office document"
    is_torch = any(name.endswith("data.pkl") for name in names)
    return "a PyTorch file" if is_torch else "a zip archive without arrays"


def _is_hdf5_behind_a_header(path: Path) -> bool:
    import h5py

    return bool(h5py.is_hdf5(path))


def _text_or_unknown(start: bytes) -> str:
    is_text = b"\0" not in start and sum(byte < 9 for byte in start) == 0
    return TEXT if is_text else "a file of no known kind"
