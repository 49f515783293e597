import errno
import gzip
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from ucls.errors import UclsError, UsageError
from ucls.images.packed import unpacked
from ucls.images.packed.unpacked import archive_stem, is_archive, plain_archive


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(bytes(range(256)) * 9_000))
    return path


def in_cache(own_cache: Path) -> list[Path]:
    return sorted((own_cache / "unpacked").glob("*.tar*"))


def test_it_is_unpacked_once_and_again_where_it_was_removed(archive: Path, own_cache: Path) -> None:
    plain = plain_archive(archive)
    assert plain.read_bytes() == bytes(range(256)) * 9_000
    assert in_cache(own_cache) == [plain]
    before = plain.stat()
    assert plain_archive(archive) == plain
    assert plain.stat() == before
    plain.unlink()
    assert plain_archive(archive).stat().st_size == before.st_size


def test_another_content_replaces_what_was_unpacked(archive: Path, own_cache: Path) -> None:
    first = plain_archive(archive)
    archive.write_bytes(gzip.compress(b"other"))
    second = plain_archive(archive)
    assert (first != second, second.read_bytes()) == (True, b"other")
    other = archive.with_name("b.tgz")
    other.write_bytes(gzip.compress(b"third"))
    third = plain_archive(other)
    assert in_cache(own_cache) == sorted([second, third])


def test_several_at_once_unpack_it_once(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpack, calls = unpacked._unpack, []
    monkeypatch.setattr(unpacked, "_unpack", lambda path: calls.append(path) or unpack(path))
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(plain_archive, [archive] * 8))) == 1
    assert calls == [archive]


@pytest.mark.parametrize(
    "content",
    [b"", b"text", gzip.compress(b"a" * 9_999)[:-20]],
    ids=["empty", "no archive", "cut off"],
)
def test_damage_leaves_nothing(archive: Path, own_cache: Path, content: bytes) -> None:
    archive.write_bytes(content)
    if not content:  # an empty file is an empty stream, which is then no archive
        assert plain_archive(archive).stat().st_size == 0
        return
    with pytest.raises(
        UsageError, match=r"cannot read .*/a\.tar\.gz as a compressed archive .*copy"
    ):
        plain_archive(archive)
    assert not in_cache(own_cache)


def test_a_full_disk_is_told(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(unpacked, "_unpack", full)
    with pytest.raises(UclsError, match=r"cannot write .*/unpacked/a-.*\.tar: "):
        plain_archive(archive)


def test_some_of_the_disk_stays_free(
    archive: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = iter([3 * 2**28, 2 * 2**28, 2**28 - 1])
    usage = lambda _: SimpleNamespace(free=next(free))  # noqa: E731
    monkeypatch.setattr(unpacked.shutil, "disk_usage", usage)
    with pytest.raises(UclsError, match=r"a\.tar\.gz takes more room than there is in .*unpacked"):
        plain_archive(archive)
    assert not in_cache(own_cache)
    assert list(free) == []


def test_names() -> None:
    assert [archive_stem(name) for name in ("a.tar", "b.TAR.gz", "c.d.tgz")] == ["a", "b", "c.d"]
    assert not is_archive("a.gz")
    assert plain_archive(Path("a.tar")) == Path("a.tar")
