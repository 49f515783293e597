import gzip
import io
import pickle
import tarfile

import pytest
from PIL import Image

from ucls.errors import UsageError
from ucls.images.files import UnreadableImageError
from ucls.images.packed.load import load_packed
from ucls.images.packed.shards import find_shards


def picture(red):
    file = io.BytesIO()
    Image.new("RGB", (4, 4), (red, 0, 0)).save(file, "PNG")
    return file.getvalue()


def write(path, members, **options):
    """Members by name, as they are."""
    with tarfile.open(path, "w", **options) as archive:
        for name, content in members:
            member = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def compress(path, to):
    to.write_bytes(gzip.compress(path.read_bytes()))
    return to


def load(path):
    return load_packed(find_shards(path))


def red(images, index):
    return images.read(index).getpixel((0, 0))[0]


def test_shards_of_webdataset(fixtures):
    images = load_packed(find_shards(fixtures / "shard-{000..001}.tar"))
    assert images.paths[0] == "shard-000.tar/deep/0000.png"
    assert images.paths[5] == "shard-001.tar/deep/0005.png"
    assert [red(images, index) for index in range(6)] == list(range(6))
    assert (images.labels.tolist(), images.class_names) == ([0, 1] * 3, ("0", "1"))
    assert (images.name, len(images.shards)) == ("shard", 2)
    assert red(pickle.loads(pickle.dumps(images)), 4) == 4


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_and_images_of_all_kinds(tmp_path, form):
    name = "deep/" * 12 + "ü" * (40 if form == tarfile.USTAR_FORMAT else 80)
    path = write(
        tmp_path / "a.tar",
        [(f"{name}.PNG", picture(7)), (f"{name}.cls", b"cat\n"), ("b.txt", b"x")],
        format=form,
    )
    images = load(path)
    assert images.paths == [f"a.tar/{name}.PNG"]
    assert (red(images, 0), images.class_names) == (7, ("cat",))


def test_what_does_not_count(tmp_path):
    link = tarfile.TarInfo("link.png")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    hard = tarfile.TarInfo("hard.png")
    hard.type, hard.linkname = tarfile.LNKTYPE, "a.png"
    folder = tarfile.TarInfo("folder.png")
    folder.type = tarfile.DIRTYPE
    members = [(link, b""), (hard, b""), (folder, b""), ("x/._a.png", b"?"), ("a.json", b"{}")]
    path = write(tmp_path / "a.tar", [*members, ("a.png", picture(1)), ("a.png", picture(2))])
    images = load(path)
    assert images.paths == ["a.tar/a.png"]
    assert images.labels is None
    assert red(images, 0) == 2
    with pytest.raises(UsageError, match="holds no images"):
        load(write(tmp_path / "b.tar", members))


@pytest.mark.parametrize("name", ["../../up.png", "/etc/up.png", "a/../../up.png"])
def test_names_that_climb_are_only_names(tmp_path, name):
    (tmp_path / "in").mkdir()
    for outside in (tmp_path / "up.png", tmp_path / "in" / "up.png"):
        outside.write_bytes(picture(9))
    images = load(write(tmp_path / "in" / "a.tar", [(name, picture(3))]))
    assert images.paths == [f"a.tar/{name}"]
    assert red(images, 0) == 3
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.tar", "in", "up.png", "up.png"]


def test_a_member_that_is_no_picture(tmp_path):
    images = load(write(tmp_path / "a.tar", [("a.png", b"text"), ("b.png", picture(2))]))
    with pytest.raises(UnreadableImageError, match="not an image, but a text file"):
        images.read(0)
    assert red(images, 1) == 2
    (tmp_path / "a.tar").write_bytes((tmp_path / "a.tar").read_bytes()[:1_550])
    with pytest.raises(UnreadableImageError, match="truncated"):
        images.read(1)
    (tmp_path / "a.tar").unlink()
    with pytest.raises(UnreadableImageError, match="No such file"):
        images.read(1)


def test_damage(tmp_path):
    path = write(tmp_path / "a.tar", [("a.png", picture(1)), ("b.png", picture(2) * 99)])
    whole = path.read_bytes()
    for content in (gzip.compress(whole), whole[:2_000], b"", b"text" * 999):
        path.write_bytes(content)
        with pytest.raises(UsageError, match=r"cannot read .*a\.tar as a tar archive: .*copy it"):
            load(path)


def test_the_fingerprint_follows_the_archives(tmp_path):
    first = load(write(tmp_path / "a.tar", [("a.png", picture(1))])).fingerprint
    assert load(tmp_path / "a.tar").fingerprint == first
    assert load(write(tmp_path / "a.tar", [("a.png", picture(2))])).fingerprint != first


def test_places_are_those_of_the_contents(tmp_path):
    pictures = [(f"{n}.png", picture(n) + bytes(1_000 * n)) for n in range(5)]
    path = write(tmp_path / "a.tar", pictures)
    whole = path.read_bytes()
    for (_, start, length), (_, content) in zip(load(path).reader.places, pictures, strict=True):
        assert whole[start : start + length] == content


@pytest.mark.parametrize("name", ["a.tar.gz", "a.TGZ"])
def test_a_compressed_archive_is_that_which_is_in_it(tmp_path, name):
    members = [("a.png", picture(1)), ("a.cls", b"cat"), ("deep/b.png", picture(2))]
    images = load(compress(write(tmp_path / "plain", members), tmp_path / name))
    assert (images.name, images.paths) == ("a", [f"{name}/a.png", f"{name}/deep/b.png"])
    assert images.class_names == ("cat",)
    copied = pickle.loads(pickle.dumps(images))
    assert [red(copied, index) for index in (1, 0)] == [2, 1]
    assert images.shards == (tmp_path / name,)


def test_shards_of_a_folder_may_be_compressed_or_not(tmp_path):
    write(tmp_path / "s-0.tar", [("a.png", picture(1))])
    compress(write(tmp_path / "s-1.tar", [("a.png", picture(2))]), tmp_path / "s-1.tar.gz")
    (tmp_path / "s-1.tar").unlink()
    images = load(tmp_path)
    assert images.paths == ["s-0.tar/a.png", "s-1.tar.gz/a.png"]
    assert [red(images, index) for index in range(2)] == [1, 2]


def test_what_is_compressed_and_no_archive(tmp_path):
    (tmp_path / "a.tgz").write_bytes(gzip.compress(b"text" * 999))
    with pytest.raises(UsageError, match=r"cannot read .*/a\.tgz as a tar archive: "):
        load(tmp_path / "a.tgz")
