"""Files rewritten so that only their picture counts: no odd metadata, and an end."""

import struct
import zlib
from io import BytesIO
from pathlib import Path

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_START_OF_SCAN = 0xDA
_END_OF_JPEG = b"\xff\xd9"

# Transparency and orientation; the names of what a picture cannot do without begin in capitals.
_WANTED_IN_PNG = (b"tRNS", b"eXIf")
_SHORTEST = {b"tRNS": 1, b"eXIf": 8}

# Markers of JPEG whose segments say how to read the colours, or which side is up: how they begin,
# and the bytes that decoders look for.
_WANTED_IN_JPEG = {0xE0: (b"JFIF\0", 14), 0xE1: (b"Exif\0\0", 14), 0xEE: (b"Adobe", 12)}
_METADATA_OF_JPEG = (*range(0xE0, 0xF0), 0xFE)

# Data that end too early are decoded to other pictures with each of these, whole data to one.
_ENDS = (_END_OF_JPEG, b"\x55" * 64 + _END_OF_JPEG, b"\xaa" * 64 + _END_OF_JPEG)


def picture_only(source: Path | bytes) -> list[bytes]:
    """Rewrites a PNG or JPEG file without what is no part of its picture.

    Nothing is decompressed, so what a chunk of text unpacks to takes no memory.

    Returns:
        Files that have to decode to one and the same picture, or else it is not whole; none for
        other formats, and where the structure itself is broken.
    """
    with BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        content = file.read(len(_PNG))
        if not content.startswith((_PNG, _JPEG)):
            return []
        content += file.read()
    try:
        return [_rewrite_png(content)] if content.startswith(_PNG) else _rewrite_jpeg(content)
    except (struct.error, IndexError, ValueError):
        return []


def _rewrite_png(content: bytes) -> bytes:
    kept, position = BytesIO(), len(_PNG)
    kept.write(_PNG)
    while position < len(content):
        length, name = struct.unpack_from(">I4s", content, position)
        stop = position + 12 + length
        is_needed = name[:1].isupper()
        if is_needed or (name in _WANTED_IN_PNG and _is_sound(content, position, stop)):
            kept.write(content[position:stop])
        if name == b"IEND":
            break
        position = stop
    return kept.getvalue()


def _is_sound(content: bytes, start: int, stop: int) -> bool:
    name, data = content[start + 4 : start + 8], content[start + 4 : stop - 4]
    (checksum,) = struct.unpack_from(">I", content, stop - 4)
    return len(data) - 4 >= _SHORTEST[name] and zlib.crc32(data) == checksum


def _rewrite_jpeg(content: bytes) -> list[bytes]:
    kept, position = BytesIO(), 2
    kept.write(content[:position])
    marker = 0
    while marker != _START_OF_SCAN:
        position = content.index(b"\xff", position)
        if content[position + 1] == 0xFF:  # a filling
            position += 1
            continue
        marker, length = struct.unpack_from(">xBH", content, position)
        stop = position + 2 + length
        beginning, shortest = _WANTED_IN_JPEG.get(marker, (b"", 0))
        segment = content[position + 4 : stop]
        is_wanted = bool(shortest) and segment.startswith(beginning) and len(segment) >= shortest
        if marker not in _METADATA_OF_JPEG or is_wanted:
            kept.write(content[position:stop])
        position = stop
    kept.write(content[position:])
    if _END_OF_JPEG in content[position:]:
        return [kept.getvalue()]
    return [kept.getvalue().rstrip(b"\xff") + end for end in _ENDS]
