"""Images that are made to take all memory, all time, or to be taken for something else."""

import io
import resource
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ucls.images.files import MAX_PIXELS, UnreadableImageError, find_images, read_image

SECONDS, MEGABYTES = 5, 900


def chunk(kind: bytes, content: bytes) -> bytes:
    end = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + end


def png(width: int, height: int, *more: bytes, rows: int = 1) -> bytes:
    """A PNG of one bit per pixel that says it has this size, but holds only some rows."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    content = zlib.compress(b"\0" * (1 + -(-width // 8)) * rows)
    parts = (chunk(b"IHDR", header), *more, chunk(b"IDAT", content), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def text_bomb() -> bytes:
    """A comment of 80 MB in less than 100 kB."""
    return chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"\0" * 80_000_000))


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def endless_gif() -> bytes:
    """2,000 frames, of which the first is wanted."""
    frames = [Image.new("L", (64, 64), 80 * n) for n in range(3)]
    content = saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    start = content.index(b"\x21\xf9", content.index(b"\x21\xf9") + 1)
    return content[:-1] + content[start:-1] * 1000 + b"\x3b"


def tiff_of_many_tags() -> bytes:
    tags = b"".join(struct.pack("<HHII", n, 4, 2**30, 8) for n in range(60_000))
    return b"II*\0" + struct.pack("<IH", 8, 60_000) + tags


READ: dict[str, tuple[Callable[[], bytes], tuple[int, int]]] = {
    "a wide strip": (lambda: saved(Image.new("L", (65_000, 1)), "PNG"), (65_000, 1)),
    "a high strip": (lambda: saved(Image.new("L", (1, 65_000)), "PNG"), (1, 65_000)),
    "an endless animation": (endless_gif, (64, 64)),
    "many pixels, and the data of few": (lambda: png(9_000, 9_000), (9_000, 9_000)),
    "a comment that unpacks to 80 MB": (lambda: png(8, 8, text_bomb(), rows=8), (8, 8)),
}
REFUSED: dict[str, Callable[[], bytes]] = {
    "more pixels than are taken": lambda: png(10_001, MAX_PIXELS // 10_000),
    "the most pixels that a header can say": lambda: png(2**31 - 1, 2**31 - 1),
    "no width": lambda: png(0, 8),
    "tags without end": tiff_of_many_tags,
    "a page": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "another file's text": lambda: b"%!PS\n(/etc/passwd) run\n",
}


@pytest.fixture
def little() -> object:
    """Fails if a test takes too long, or much memory."""
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    yield
    assert time.process_time() - started < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEGABYTES * 1000


@pytest.mark.usefixtures("little")
@pytest.mark.parametrize("name", READ)
def test_what_is_a_picture_is_read_at_no_great_cost(name: str, tmp_path: Path) -> None:
    make, size = READ[name]
    path = tmp_path / "a.png"
    path.write_bytes(make())
    assert read_image(path).size == size


@pytest.mark.slow
@pytest.mark.usefixtures("little")
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_none_is_refused_at_no_great_cost(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(REFUSED[name]())
    with pytest.raises(UnreadableImageError) as raised:
        read_image(path)
    assert "\n" not in str(raised.value)


def test_no_link_leads_out_of_a_folder(tmp_path: Path) -> None:
    folder, outside = tmp_path / "in", tmp_path / "out"
    for place in (folder, outside):
        place.mkdir()
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(place / "two\nlines.png")
    (folder / "link.png").symlink_to(outside / "two\nlines.png")
    (folder / "all").symlink_to(outside)
    (folder / "self").symlink_to(folder)
    assert find_images(folder) == ["two\nlines.png"]
