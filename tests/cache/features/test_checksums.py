import shutil
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from cache_samples import CLS, KEPT, PATCH_MEAN

from ucls.cache.features.checksums import check_chunks, count_chunks, has_checksums
from ucls.errors import UsageError


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(finished, tmp_path / "x.h5"))


def test_checksums_are_crc32_of_the_little_endian_rows(finished: Path) -> None:
    with h5py.File(finished) as file:
        cls, patch_mean = file["checksums/cls"][:], file["checksums/patch_mean"][:]
    assert (cls.dtype, cls.shape, patch_mean.shape) == (np.uint32, (2, 3, 4), (2, 3))
    rows = KEPT[2048:]
    assert cls[1, 2, 3] == zlib.crc32(CLS[1, rows, 3].astype("<f2").tobytes())
    assert patch_mean[0, 2] == zlib.crc32(PATCH_MEAN[0, rows].astype("<f2").tobytes())


def test_a_good_cache(finished: Path) -> None:
    assert has_checksums(finished)
    assert count_chunks(finished) == 2 * 3 * 4 + 2 * 3
    assert list(check_chunks(finished)) == [None] * 30


@pytest.mark.parametrize(
    ("name", "place", "what"),
    [
        ("cls", (1, 1024, 3, 7), "cls rows 1024 to 2047 of layer 3 of view 1"),
        ("patch_mean", (0, 2493, 0), "patch_mean rows 2048 to 2493 of view 0"),
    ],
)
def test_a_changed_value(copied: Path, name: str, place: tuple[int, ...], what: str) -> None:
    with h5py.File(copied, "r+") as file:
        file[name][place] = np.nextafter(file[name][place], np.float16(9))
    problems = [problem for problem in check_chunks(copied) if problem]
    assert problems == [f"{what} are not what was written (another checksum)"]


def test_without_checksums_values_still_have_to_be_finite(copied: Path) -> None:
    with h5py.File(copied, "r+") as file:
        del file["checksums"]
        assert not np.isnan(file["cls"][0, 0, 0, 0])
    assert not has_checksums(copied)
    assert not any(check_chunks(copied))
    with h5py.File(copied, "r+") as file:
        file["cls"][0, 0, 0, 0] = np.inf
    assert [problem for problem in check_chunks(copied) if problem] == [
        "cls rows 0 to 1023 of layer 0 of view 0 hold NaN or infinity"
    ]


def test_a_chunk_that_cannot_be_read(copied: Path) -> None:
    with h5py.File(copied) as file:
        offset = file["cls"].id.get_chunk_info(0).byte_offset
    before = copied.read_bytes()
    index = before.find(offset.to_bytes(8, "little"))
    assert index > 0
    copied.write_bytes(before[:index] + b"\xfe" * 7 + b"\x7f" + before[index + 8 :])
    (problem, *_) = [problem for problem in check_chunks(copied) if problem]
    assert "cannot be read" in problem


def test_no_cache(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no feature cache"):
        next(check_chunks(tmp_path / "x.h5"))
