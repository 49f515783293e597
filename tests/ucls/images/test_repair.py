import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from ucls.images.files import UnreadableImageError, read_image
from ucls.images.repair import read_repairable, with_ends, without_metadata

RGB = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
LARGE = zlib.compress(b"a" * (3 << 20))


def encoded(kind, **options):
    file = io.BytesIO()
    Image.fromarray(RGB).save(file, kind, **options)
    return file.getvalue()


def chunk(kind, body, crc=0):
    return (
        struct.pack(">I", len(body))
        + kind
        + body
        + struct.pack(">I", zlib.crc32(kind + body) ^ crc)
    )


def read(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    return np.asarray(read_image(tmp_path / "a"))


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"zTXt", b"note\0\0" + LARGE),
        chunk(b"iTXt", b"XML\0\1\0\0\0" + LARGE),
        chunk(b"iCCP", b"p\0\0" + LARGE),
        chunk(b"tEXt", b"note\0text", crc=1),
        chunk(b"iCCP", b"p\0\0no profile", crc=1),
        chunk(b"gAMA", b"", crc=0),
        chunk(b"pHYs", b"short"),
        chunk(b"abCd", b"nobody knows", crc=1),
        chunk(b"tRNS", b"\0" * 6, crc=1),
    ],
)
@pytest.mark.parametrize("place", [33, -12])
def test_a_png_is_not_lost_for_its_metadata(tmp_path, extra, place):
    content = encoded("PNG")
    content = content[:place] + extra + content[place:]
    np.testing.assert_array_equal(read(tmp_path, content), RGB)


def test_a_repaired_png_stays_upright_and_transparent(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3
    content = encoded("PNG", exif=exif, transparency=tuple(RGB[0, 0].tolist()))
    content = content[:33] + chunk(b"tEXt", b"note\0text", crc=1) + content[33:]
    upside_down = RGB[::-1, ::-1].copy()
    upside_down[-1, -1] = 255
    np.testing.assert_array_equal(read(tmp_path, content), upside_down)


def test_a_png_with_damaged_pixels_stays_unreadable(tmp_path):
    content = bytearray(encoded("PNG"))
    content[200] ^= 1
    with pytest.raises(UnreadableImageError, match="damaged"):
        read(tmp_path, bytes(content))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 5}])
@pytest.mark.parametrize("tail", [b"", b"\xff", b"\0\0"])
def test_a_jpeg_that_lacks_only_its_end_is_read(tmp_path, options, tail):
    content = encoded("JPEG", **options)
    expected = np.asarray(Image.open(io.BytesIO(content)))
    np.testing.assert_array_equal(read(tmp_path, content[:-2] + tail), expected)


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
@pytest.mark.parametrize("n_lost", [12, 40, 400, 1500])
def test_a_jpeg_that_lacks_part_of_its_picture_is_not(tmp_path, options, n_lost):
    with pytest.raises(UnreadableImageError, match="truncated"):
        read(tmp_path, encoded("JPEG", **options)[:-n_lost])


def test_a_jpeg_is_not_lost_for_its_profile(tmp_path):
    content = encoded("JPEG")
    profile = b"ICC_PROFILE\0\1"  # the number of its parts is missing
    segment = b"\xff\xe2" + struct.pack(">H", len(profile) + 2) + profile
    np.testing.assert_array_equal(
        read(tmp_path, content[:2] + segment + content[2:]),
        np.asarray(Image.open(io.BytesIO(content))),
    )


def test_what_can_be_repaired_is_told_by_the_content(tmp_path):
    (tmp_path / "a.png").write_bytes(b"GIF89a")
    assert read_repairable(tmp_path / "a.png") is None
    assert with_ends(encoded("PNG")) is None
    assert with_ends(encoded("JPEG")) is None
    assert without_metadata(encoded("PNG")) == encoded("PNG")
