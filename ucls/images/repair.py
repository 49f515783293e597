"""Image files without the parts that hide a whole picture: metadata, a missing end."""

import io
import random
import zlib
from collections.abc import Iterator
from pathlib import Path

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_END_OF_JPEG = b"\xff\xd9"
_NEEDED_CHUNKS = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_USEFUL_CHUNKS = {b"tRNS", b"eXIf"}
_STANDALONE = {0x01, *range(0xD0, 0xDA)}
_START_OF_SCAN = 0xDA
_APP1, _APP14, _COMMENT = 0xE1, 0xEE, 0xFE
_N_FILLING = 1 << 16


def read_repairable(path: Path) -> bytes | None:
    """Reads a file if it is a PNG or JPEG file by its beginning."""
    with path.open("rb") as file:
        start = file.read(len(_PNG))
        return start + file.read() if start.startswith((_PNG, _JPEG)) else None


def without_metadata(content: bytes) -> bytes:
    """Drops what a picture does not need: text, profiles, previews, and whatever nobody knows.

    Where it stands upright (EXIF) and how its colours are coded are kept.

    Args:
        content: of a PNG or JPEG file.
    """
    if content.startswith(_PNG):
        return _PNG + b"".join(_needed_chunks(content))
    return _JPEG + b"".join(_needed_segments(content))


def with_ends(content: bytes) -> tuple[bytes, bytes] | None:
    """Ends a JPEG file that lacks its end marker, at once and after arbitrary data.

    A decoder fills up what is missing of a picture, and ignores what follows a whole one: if the
    two look alike, nothing of the picture was missing.

    Returns:
        Both files; None if this is no JPEG file, or one that ended.
    """
    if not content.startswith(_JPEG) or content.rstrip(b"\0").endswith(_END_OF_JPEG):
        return None
    # Without 0xFF, which begins a marker.
    filling = bytes(byte % 0xFF for byte in random.Random(0).randbytes(_N_FILLING))
    content = content.removesuffix(b"\xff")
    return content + _END_OF_JPEG, content + filling + _END_OF_JPEG


def _needed_chunks(content: bytes) -> Iterator[bytes]:
    file = io.BytesIO(content)
    file.seek(len(_PNG))
    while len(head := file.read(8)) == 8:
        body = file.read(int.from_bytes(head[:4]) + 4)
        kind = head[4:]
        is_whole = zlib.crc32(kind + body[:-4]) == int.from_bytes(body[-4:])
        # A damaged chunk of pixels is for the decoder to find.
        if kind in _NEEDED_CHUNKS or (kind in _USEFUL_CHUNKS and is_whole):
            yield head + body


def _needed_segments(content: bytes) -> Iterator[bytes]:
    place = len(_JPEG)
    while place + 4 <= len(content):
        kind = content[place + 1]
        if content[place] != 0xFF or kind == _START_OF_SCAN:
            break
        end = place + 2
        if kind not in _STANDALONE:
            end += int.from_bytes(content[end : end + 2])
        segment = content[place:end]
        is_application = 0xE0 < kind < 0xF0 and kind != _APP14
        is_exif = kind == _APP1 and segment[4:8] == b"Exif"
        if is_exif or not (is_application or kind == _COMMENT):
            yield segment
        place = end
    yield content[place:]
