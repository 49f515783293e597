import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import pytest
from cache_samples import N_IMAGES, SPEC, hand_over, write_whole
from filelock import FileLock

from ucls.cache import (
    FeatureCacheWriter,
    cache_file_name,
    find_cache,
    list_caches,
    open_cache,
    partial_path,
    remove_cache,
)
from ucls.errors import UclsError, UsageError

VAL = replace(SPEC, split="val", image_size=(224, 448))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished, an unfinished and a damaged cache, and files that are none."""
    folder = tmp_path / "caches"
    write_whole(folder / cache_file_name(SPEC))
    with FeatureCacheWriter(folder / cache_file_name(VAL), VAL, N_IMAGES) as writer:
        hand_over(writer, 1500)
    (folder / "zoo-train-b-224-00000000.h5").write_bytes(b"no HDF5")
    (folder / "neighbors.h5").write_bytes(b"another file")
    (folder / "notes.txt").touch()
    return folder


def test_all_caches_are_listed(folder: Path) -> None:
    whole, unfinished, damaged = list_caches(folder)
    assert whole.path == folder / cache_file_name(SPEC)
    assert (whole.spec, whole.is_finished, whole.problem) == (SPEC, True, "")
    assert (whole.n_images, whole.n_seen) == (N_IMAGES, N_IMAGES)
    assert whole.n_bytes == whole.path.stat().st_size
    assert whole.modified == whole.path.stat().st_mtime
    assert unfinished.path == folder / cache_file_name(VAL)
    assert (unfinished.spec, unfinished.is_finished, unfinished.problem) == (VAL, False, "")
    assert (unfinished.n_images, unfinished.n_seen) == (N_IMAGES, 1028)
    assert unfinished.n_bytes > partial_path(unfinished.path).stat().st_size
    assert (damaged.spec, damaged.is_finished) == (None, False)
    assert "truncated or not an HDF5 file" in damaged.problem


LIST = """
import sys
from pathlib import Path
from ucls.cache import list_caches
print(*((entry.n_seen, entry.problem) for entry in list_caches(Path(sys.argv[1]))))
"""


def test_a_cache_that_another_process_writes_is_listed(tmp_path: Path) -> None:
    with FeatureCacheWriter(tmp_path / cache_file_name(SPEC), SPEC, N_IMAGES) as writer:
        hand_over(writer, 1500)
        command = [sys.executable, "-c", LIST, str(tmp_path)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == "(1028, '')\n"


def test_a_truncated_cache_is_a_problem_and_no_error(folder: Path) -> None:
    path = folder / cache_file_name(SPEC)
    os.truncate(path, path.stat().st_size // 2)
    assert "truncated" in list_caches(folder)[0].problem


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert list_caches(tmp_path / "nowhere") == []


def test_the_folder_is_the_users_own_by_default(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UCLS_CACHE", str(folder))
    assert len(list_caches()) == 3


def test_names_are_found(folder: Path, tmp_path: Path) -> None:
    path = folder / cache_file_name(SPEC)
    assert find_cache("sample-train", folder) == path
    assert find_cache(path.name, folder) == path
    assert find_cache(path, tmp_path) == path
    assert find_cache("sample-v", folder) == folder / cache_file_name(VAL)


def test_names_that_fit_none_or_several(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"2 feature caches begin with 'sample': .*, .*; give"):
        find_cache("sample", folder)
    with pytest.raises(UsageError, match=r"no feature cache begins with 'x' in .*; there are: sam"):
        find_cache("x", folder)
    with pytest.raises(UsageError, match="there are none at all"):
        find_cache("x", tmp_path)


def test_caches_are_opened_by_name(folder: Path) -> None:
    with open_cache("sample-train", folder) as cache:
        assert cache.spec == SPEC
    with pytest.raises(UsageError, match="not finished"):
        open_cache("sample-val", folder)


def test_nothing_remains_of_what_is_removed(folder: Path) -> None:
    for entry in list_caches(folder):
        (folder / f"{entry.path.name}.undo").write_bytes(b"12345")
        assert remove_cache(entry.path) == entry.n_bytes + 5
    assert {path.name for path in folder.iterdir()} == {"neighbors.h5", "notes.txt"}


@pytest.mark.parametrize("name", ["features.h5", "features-20260131.h5", "photo.png"])
def test_a_file_of_another_kind_is_neither_listed_nor_removed(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file["features"] = [[1.0]]
    else:
        path.write_bytes(b"mine")
    before = path.read_bytes()
    assert list_caches(tmp_path) == []
    with pytest.raises(UsageError, match=f"{name} is no feature cache, so it stays: name one of"):
        remove_cache(path)
    assert path.read_bytes() == before
    assert not (tmp_path / f"{name}.lock").exists()


def test_a_cache_that_is_being_written_stays(folder: Path) -> None:
    path = folder / cache_file_name(VAL)
    with FileLock(f"{path}.lock"), pytest.raises(UclsError, match="another process is writing"):
        remove_cache(path)
    assert partial_path(path).exists()
