import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, features

from ucls.images.files import (
    MAX_PIXELS,
    STRETCHED,
    UnreadableImageError,
    find_images,
    read_image,
)

RED, WHITE = (255, 0, 0), (255, 255, 255)


def save(image, path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".bmp", ".gif", ".jpg", ".png", ".ppm", ".tif", ".webp"])
def test_common_formats_give_their_colours(tmp_path, suffix):
    path = save(Image.new("RGB", (16, 8), RED), tmp_path / f"a{suffix}")
    image = read_image(path)
    assert (image.mode, image.size) == ("RGB", (16, 8))
    assert np.abs(np.asarray(image, int) - RED).max() <= 3


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation, suffix):
    stored = Image.new("RGB", (16, 8), "black")
    stored.paste("white", (0, 0, 4, 4))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = read_image(save(stored, tmp_path / f"a{suffix}", exif=exif, quality=100))
    # Which corner holds the stored top left one, by the table of the EXIF standard.
    right = orientation in (2, 3, 6, 7)
    bottom = orientation in (3, 4, 7, 8)
    assert image.size == ((8, 16) if orientation >= 5 else (16, 8))
    width, height = image.size
    corner = (width - 1 if right else 0, height - 1 if bottom else 0)
    assert min(image.getpixel(corner)) > 240
    assert np.asarray(image).mean() < 64


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
def test_modes_give_the_rgb_that_pillow_gives(tmp_path, mode):
    ramp = Image.merge("RGB", [Image.linear_gradient("L").resize((16, 16))] * 3).convert(mode)
    path = save(ramp, tmp_path / "a.tif")
    np.testing.assert_array_equal(np.asarray(read_image(path)), np.asarray(ramp.convert("RGB")))


def test_cmyk_jpeg_of_adobe_is_inverted(tmp_path):
    path = save(Image.new("RGB", (8, 8), RED).convert("CMYK"), tmp_path / "a.jpg", quality=95)
    assert b"Adobe" in path.read_bytes()
    assert np.abs(np.subtract(read_image(path).getpixel((4, 4)), RED)).max() <= 3


def png_chunk(kind, content):
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


@pytest.mark.parametrize(("colour_type", "n_channels"), [(2, 3), (6, 4), (4, 2)])
def test_png_of_16_bits_per_colour(tmp_path, colour_type, n_channels):
    values = np.full((4, 4, n_channels), 65_535, ">u2")
    values[..., 0] = 4 * np.arange(16).reshape(4, 4) * 257
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    header = struct.pack(">IIBBBBB", 4, 4, 16, colour_type, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks))
    expected = 4 * np.arange(16).reshape(4, 4)
    np.testing.assert_array_equal(np.asarray(read_image(path))[..., 0], expected)


def test_odd_metadata_does_not_hide_the_picture(tmp_path):
    exif = b"Exif\0\0this is no metadata"
    path = save(Image.new("RGB", (8, 4), RED), tmp_path / "a.png", exif=exif)
    assert read_image(path).size == (8, 4)


def test_a_palette_keeps_its_colours(tmp_path):
    path = save(Image.new("RGB", (4, 4), RED).convert("P"), tmp_path / "a.png")
    assert Image.open(path).mode == "P"
    assert read_image(path).getpixel((0, 0)) == RED


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_composited_on_white(tmp_path, mode):
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 2, 4))
    path = save(image.convert(mode), tmp_path / "a.png")
    values = np.asarray(read_image(path))
    assert (values[:, :2] == 0).all()
    assert (values[:, 2:] == 255).all()


def test_half_transparent_black_is_grey(tmp_path):
    path = save(Image.new("RGBA", (2, 2), (0, 0, 0, 128)), tmp_path / "a.png")
    assert read_image(path).getpixel((0, 0)) == (127, 127, 127)


def test_a_transparent_palette_colour_is_white(tmp_path):
    image = Image.new("P", (4, 4), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.paste(1, (0, 0, 2, 4))
    path = save(image, tmp_path / "a.gif", transparency=0)
    assert read_image(path).getpixel((3, 0)) == WHITE
    assert read_image(path).getpixel((0, 0)) == RED


@pytest.mark.parametrize(
    ("dtype", "suffix"), [("<u2", ".png"), ("<u2", ".tif"), (">u2", ".tif"), ("<i4", ".tif")]
)
def test_wide_grey_is_scaled_to_eight_bits(tmp_path, dtype, suffix):
    values = (np.arange(16).reshape(4, 4) * 4369).astype(dtype)  # 0 .. 65535
    image = read_image(save(Image.fromarray(values), tmp_path / f"a{suffix}"))
    np.testing.assert_array_equal(np.asarray(image)[..., 1], np.arange(16).reshape(4, 4) * 17)


@pytest.mark.parametrize("is_mirrored", [False, True])
def test_a_transparent_shade_of_wide_grey_is_white(tmp_path, is_mirrored):
    values = (np.arange(16).reshape(4, 4) * 4369).astype("<u2")
    exif = Image.Exif()
    exif[0x0112] = 2 if is_mirrored else 1
    path = save(Image.fromarray(values), tmp_path / "a.png", transparency=4369, exif=exif)
    expected = np.arange(16).reshape(4, 4) * 17
    expected[0, 1] = 255
    if is_mirrored:
        expected = expected[:, ::-1]
    np.testing.assert_array_equal(np.asarray(read_image(path))[..., 0], expected)


def test_wide_grey_from_white_to_black_is_inverted(tmp_path):
    values = (np.arange(16).reshape(4, 4) * 4369).astype("<u2")
    path = save(Image.fromarray(values), tmp_path / "a.tif", tiffinfo={262: 0})
    expected = 255 - np.arange(16).reshape(4, 4) * 17
    np.testing.assert_array_equal(np.asarray(read_image(path))[..., 0], expected)


@pytest.mark.parametrize(
    ("scale", "offset", "last"),
    [(1 / 15, 0, 255), (1 / 30, 0, 128), (1e30, -1e30, 255), (1.0, 0, 255)],
)
@pytest.mark.parametrize("compression", [None, "tiff_adobe_deflate"])
def test_floats_within_0_and_1_stay_and_others_are_stretched(
    tmp_path, scale, offset, last, compression
):
    values = (np.arange(16).reshape(4, 4) * scale + offset).astype(np.float32)
    path = save(Image.fromarray(values), tmp_path / "a.tif", compression=compression)
    image = read_image(path)
    assert image.info[STRETCHED]
    expected = np.rint(np.linspace(0, last, 16)).reshape(4, 4)
    assert np.abs(np.asarray(image, int)[..., 1] - expected).max() <= 1


def test_what_is_not_finite_is_black(tmp_path):
    values = np.arange(16, dtype=np.float32).reshape(4, 4)
    values[1] = [np.nan, np.inf, -np.inf, 5]
    image = read_image(save(Image.fromarray(values), tmp_path / "a.tif"))
    assert np.asarray(image)[1, :, 0].tolist() == [0, 0, 0, 85]
    values[:] = np.nan
    with pytest.raises(UnreadableImageError, match="no pixel is a finite number"):
        read_image(save(Image.fromarray(values), tmp_path / "b.tif"))


@pytest.mark.parametrize(("step", "is_signed"), [(1_000_000, True), (286_331_153, False)])
def test_wide_integers_are_stretched(tmp_path, step, is_signed):
    values = (np.arange(16).reshape(4, 4) * step).astype("<u4")
    path = save(Image.fromarray(values.view("<i4")), tmp_path / "a.tif")
    signed, unsigned = (struct.pack("<HHII", 339, 3, 1, code) for code in (2, 1))
    assert signed in path.read_bytes()
    if not is_signed:
        path.write_bytes(path.read_bytes().replace(signed, unsigned))
    image = read_image(path)
    assert image.info[STRETCHED]
    np.testing.assert_array_equal(np.asarray(image)[..., 0], np.arange(16).reshape(4, 4) * 17)


def test_what_needs_no_stretching_is_not_marked(tmp_path):
    values = (np.arange(16).reshape(4, 4) * 4369).astype("<u2")
    assert STRETCHED not in read_image(save(Image.fromarray(values), tmp_path / "a.png")).info


@pytest.mark.parametrize("suffix", [".gif", ".png", ".tif", ".webp"])
def test_an_animation_gives_its_first_frame(tmp_path, suffix):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    options = {"lossless": True} if suffix == ".webp" else {}
    path = save(
        frames[0], tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:], **options
    )
    assert Image.open(path).n_frames == 2
    assert read_image(path).getpixel((4, 4)) == RED


@pytest.mark.skipif(not features.check("avif"), reason="Pillow is built without AVIF")
def test_avif(tmp_path):
    path = save(Image.new("RGB", (16, 8), RED), tmp_path / "a.avif")
    assert np.abs(np.asarray(read_image(path), int) - RED).max() <= 3
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UnreadableImageError, match=r"^damaged"):
        read_image(path)


@pytest.mark.parametrize(("brand", "needs"), [(b"heic", "pillow-heif"), (b"avif", "Pillow 11.3")])
def test_a_format_that_cannot_be_read_here(tmp_path, brand, needs):
    path = tmp_path / "a.heic"
    path.write_bytes(b"\0\0\0\x18ftyp" + brand + bytes(40))
    # No package of Pillow's, and a Pillow without AVIF, whatever is installed.
    code = (
        "import sys; sys.modules['pillow_heif'] = None\n"
        "from pathlib import Path\nfrom PIL import Image, features\n"
        "from ucls.images.files import read_image, UnreadableImageError\n"
        "Image.preinit = Image.init = lambda: None\nfeatures.check = lambda name: False\n"
        "try: read_image(Path(sys.argv[1]))\nexcept UnreadableImageError as error: print(error)"
    )
    command = [sys.executable, "-c", code, str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert needs in said


STAND_IN = """
import io
from PIL import Image

def register_heif_opener():
    Image.register_open("HEIF", open_inner, lambda prefix: prefix[4:12] == b"ftypheic")

def open_inner(file, filename):
    return Image.open(io.BytesIO(file.read()[12:]))
"""


def test_heic_is_read_through_its_package(tmp_path):
    (tmp_path / "pillow_heif.py").write_text(STAND_IN)
    path = save(Image.new("RGB", (3, 2), RED), tmp_path / "a.png")
    path.write_bytes(b"\0\0\0\x18ftypheic" + path.read_bytes())
    code = (
        "import sys\nfrom pathlib import Path\nfrom ucls.images.files import read_image\n"
        "assert 'pillow_heif' not in sys.modules\n"
        "print(read_image(Path(sys.argv[1])).getpixel((0, 0)))"
    )
    command = [sys.executable, "-c", code, str(path)]
    paths = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": paths}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == str(RED)


@pytest.mark.parametrize("suffix", [".bmp", ".gif", ".jpg", ".png", ".tif"])
def test_truncated_files_are_unreadable(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    path = save(Image.fromarray(noise), tmp_path / f"a{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnreadableImageError, match=r"^truncated file$"):
        read_image(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"a,b\n1,2\n", "not an image, but a text file"),
        (b"<!DOCTYPE html>", "not an image, but an HTML page"),
        (bytes(range(40)), "not an image"),
        (b"\xff\xd8\xff\xe0", "a JPEG picture, damaged or of a sort that Pillow does not read"),
    ],
)
def test_what_is_no_image_is_unreadable(tmp_path, content, reason):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(UnreadableImageError, match=f"^{reason}$"):
        read_image(path)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(UnreadableImageError, match="not a regular file"):
        read_image(tmp_path / "a.png")


def test_a_missing_file_is_unreadable(tmp_path):
    with pytest.raises(UnreadableImageError, match="No such file"):
        read_image(tmp_path / "a.jpg")


def test_a_large_image_is_read(tmp_path, monkeypatch):
    path = save(Image.new("RGB", (30, 30)), tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 800)  # Pillow warns here, refuses at twice that
    assert read_image(path).size == (30, 30)


def empty_bmp(width, height):
    """The header of a BMP, which needs no pixels to be opened."""
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header


@pytest.mark.parametrize("pillow_limit", [None, Image.MAX_IMAGE_PIXELS, 10 * MAX_PIXELS])
def test_a_decompression_bomb_is_not_decoded(tmp_path, monkeypatch, pillow_limit):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pillow_limit)
    path = tmp_path / "a.bmp"
    path.write_bytes(empty_bmp(10_000, 10_000))
    with pytest.raises(UnreadableImageError, match="truncated"):
        read_image(path)
    path.write_bytes(empty_bmp(10_000, 10_001))
    reason = r"^too many pixels \(10000 x 10001; at most 100 million\)$"
    with pytest.raises(UnreadableImageError, match=reason):
        read_image(path)


def test_what_pillow_itself_refuses_as_a_bomb(tmp_path):
    path = tmp_path / "a.bmp"
    path.write_bytes(empty_bmp(50_000, 50_000))
    with pytest.raises(UnreadableImageError, match=r"^too many pixels \(at most 100 million\)$"):
        read_image(path)


def test_find_images_is_recursive_sorted_and_knows_suffixes(tmp_path):
    for name in ["b/z.PNG", "a.jpg", "b/c/d.webp", "notes.txt", "b.png", "B.jpeg"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert find_images(tmp_path) == ["B.jpeg", "a.jpg", "b.png", "b/c/d.webp", "b/z.PNG"]


def test_every_kind_of_photo_counts_whether_pillow_reads_it_or_not(tmp_path):
    names = ["a.avif", "b.heic", "c.HEIF", "d.hif", "e.jpg"]
    for name in [*names, "jpg", ".heic"]:
        (tmp_path / name).touch()
    assert find_images(tmp_path) == names


def test_find_images_leaves_out_hidden_files_and_links_that_leave(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    for path in [root / "a.png", root / ".b.png", root / ".c" / "d.png", outside / "e.png"]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (root / "inside.png").symlink_to(root / "a.png")
    (root / "leaves.png").symlink_to(outside / "e.png")
    (root / "broken.png").symlink_to(root / "none.png")
    (root / "folder").symlink_to(outside)
    (root / "loop").symlink_to(root)
    assert find_images(root) == ["a.png", "inside.png"]


def test_find_images_through_a_link_to_the_folder(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.png").touch()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert find_images(tmp_path / "link") == ["a.png"]


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such names")
def test_a_name_that_is_not_utf8_keeps_its_bytes(tmp_path):
    name = os.fsdecode(b"\xff.png")
    try:
        (tmp_path / name).touch()
    except OSError:
        pytest.skip("this file system refuses such names")
    assert find_images(tmp_path) == [name]


def test_tiff_of_12_bits(tmp_path):
    tags = {256: 2, 257: 1, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: 3}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    # Two pixels, 2,048 and 4,095, in three bytes.
    content = b"II*\0" + struct.pack("<I", 12) + b"\x80\x0f\xff\0" + directory
    (tmp_path / "a.tif").write_bytes(content)
    image = read_image(tmp_path / "a.tif")
    assert [image.getpixel((x, 0)) for x in (0, 1)] == [(128, 128, 128), (255, 255, 255)]
