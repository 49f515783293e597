import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from ucls.images.files import UnreadableImageError, read_image

NOISE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def encoded(kind, **options):
    target = BytesIO()
    Image.fromarray(NOISE).save(target, kind, **options)
    return target.getvalue()


def chunk(name, content, flaw=0):
    checksum = zlib.crc32(name + content) ^ flaw
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def segment(marker, content):
    return struct.pack(">BBH", 0xFF, marker, 2 + len(content)) + content


def picture(tmp_path, content):
    path = tmp_path / "a"
    path.write_bytes(content)
    return np.asarray(read_image(path))


HUGE = zlib.compress(bytes(3 << 20))


@pytest.mark.parametrize("is_last", [False, True])
@pytest.mark.parametrize(
    "odd",
    [
        chunk(b"zTXt", b"note\0\0" + HUGE),
        chunk(b"iTXt", b"XML\0\1\0\0\0" + HUGE),
        chunk(b"iCCP", b"p\0\0" + HUGE),
        chunk(b"iCCP", b"p\0\7?"),
        chunk(b"tEXt", b"k\0" + bytes(900_000)) * 90,
        chunk(b"tEXt", b"a\0b", flaw=1),
        chunk(b"eXIf", b"abc", flaw=1),
        chunk(b"abCd", b"?", flaw=1),
        *(chunk(name, b"") for name in (b"pHYs", b"gAMA", b"cHRM", b"tRNS", b"acTL", b"iCCP")),
    ],
    ids=range(14),
)
def test_odd_metadata_of_a_png_does_not_cost_the_picture(tmp_path, odd, is_last):
    content = encoded("PNG")
    place = len(content) - 12 if is_last else 33
    np.testing.assert_array_equal(picture(tmp_path, content[:place] + odd + content[place:]), NOISE)


def test_a_png_keeps_its_orientation_and_transparency(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3
    content = encoded("PNG", exif=exif, transparency=tuple(map(int, NOISE[0, 0])))
    odd = chunk(b"iCCP", b"p\0\0" + HUGE)
    expected = NOISE[::-1, ::-1].copy()
    expected[-1, -1] = 255
    np.testing.assert_array_equal(picture(tmp_path, content[:33] + odd + content[33:]), expected)


@pytest.mark.parametrize(
    "odd",
    [
        segment(0xE2, b"ICC_PROFILE\0"),
        segment(0xED, b"Photoshop 3.0\x008BIM\4\4"),
        segment(0xEE, b"Adobe"),
        segment(0xE0, b"JFIF"),
    ],
)
@pytest.mark.parametrize("progressive", [False, True])
def test_odd_metadata_of_a_jpeg_does_not_cost_the_picture(tmp_path, odd, progressive):
    exif = Image.Exif()
    exif[0x0112] = 3
    content = encoded("JPEG", progressive=progressive, exif=exif)
    expected = picture(tmp_path, content)
    np.testing.assert_array_equal(picture(tmp_path, content[:2] + odd + content[2:]), expected)


JPEGS = [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"quality": 100}]


@pytest.mark.parametrize("options", JPEGS)
@pytest.mark.parametrize("end", [b"", b"\xff", bytes(50), b"\xff" * 50, b"\xff\xd9 and more"])
def test_a_whole_jpeg_needs_no_end_marker(tmp_path, options, end):
    content = encoded("JPEG", **options)
    np.testing.assert_array_equal(picture(tmp_path, content[:-2] + end), picture(tmp_path, content))


@pytest.mark.parametrize("options", JPEGS)
@pytest.mark.parametrize("n_lost", [4, 6, 10, 50, 1000])
def test_a_jpeg_that_lacks_some_of_its_picture_is_refused(tmp_path, options, n_lost):
    with pytest.raises(UnreadableImageError, match=r"^truncated file$"):
        picture(tmp_path, encoded("JPEG", **options)[:-n_lost])


def test_damage_to_the_pixels_of_a_png_is_damage(tmp_path):
    content = bytearray(encoded("PNG"))
    content[60] ^= 0x55
    with pytest.raises(UnreadableImageError, match="damaged"):
        picture(tmp_path, bytes(content))
