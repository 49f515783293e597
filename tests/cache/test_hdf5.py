import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from ucls.cache.hdf5 import Format, open_hdf5, read_hdf5, write_hdf5
from ucls.errors import UclsError, UnreadableError, UsageError

KIND = Format("ucls-sample", 2, "sample file", "run `ucls sample`")


def write_sample(path: Path) -> None:
    with write_hdf5(path, KIND, n_bytes=80_000) as file:
        file["numbers"] = range(10_000)


def test_round_trip_without_leftovers(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    write_sample(path)
    with read_hdf5(path, KIND) as file:
        assert file["numbers"][:].tolist() == list(range(10_000))
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_size < 90_000


@pytest.mark.parametrize("what", ["a value", "an attribute", "a dataset more", "a text"])
def test_what_has_changed_since_is_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "x.h5"
    with write_hdf5(path, KIND, n_bytes=9_000) as file:
        file["numbers"] = range(1_000)
        file["group/texts"] = ["a", "b"]
        file["group"].attrs["names"] = [1.5, 2]
        file["scalar"] = 3
    with read_hdf5(path, KIND) as file:
        assert file["scalar"][()] == 3
    with h5py.File(path, "r+") as file:
        if what == "a value":
            file["numbers"][500] = 1
        elif what == "an attribute":
            file["group"].attrs["names"] = [1.5, 3]
        elif what == "a text":
            file["group/texts"][1] = "c"
        else:
            file["more"] = 1
    told = r"damaged \(its content has changed since it was written\); run `ucls sample`"
    with pytest.raises(UsageError, match=told), read_hdf5(path, KIND):
        pass


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no sample file at .*x\.h5; run `ucls sample`"):
        open_hdf5(tmp_path / "x.h5", KIND)


def test_folder_instead_of_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*: Is a directory"):
        open_hdf5(tmp_path, KIND)


@pytest.mark.parametrize("size", [0, 10, 500, 50_000])
def test_truncated(tmp_path: Path, size: int) -> None:
    path = tmp_path / "x.h5"
    write_sample(path)
    os.truncate(path, size)
    with pytest.raises(UsageError, match=r"x\.h5 is truncated or not an HDF5 file; run"):
        open_hdf5(path, KIND)


def test_another_format(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "else"
    with pytest.raises(
        UsageError, match="expected format 'ucls-sample', got 'else'; put the right file"
    ):
        open_hdf5(path, KIND)


def test_newer_version(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    write_sample(path)
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = 3
    with pytest.raises(UsageError, match=r"version 3, this UCLS reads up to 2; upgrade UCLS"):
        open_hdf5(path, KIND)


def test_damage_inside_the_block_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    write_sample(path)
    with (
        pytest.raises(UsageError, match=r"x\.h5 is damaged .*; run `ucls sample`") as raised,
        read_hdf5(path, KIND) as file,
    ):
        file["letters"][:]
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="needs disk space reservation")
@pytest.mark.parametrize("limit", [100, 20_000, 100_000, 900_000])
def test_full_disk_leaves_nothing(tmp_path: Path, limit: int) -> None:
    child = os.fork()
    if child == 0:
        _write_under_limit(tmp_path / "x.h5", limit)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not list(tmp_path.iterdir())


def _write_under_limit(path: Path, limit: int) -> None:
    code = 1
    try:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        write_sample(path)
    except UclsError as error:
        code = 0 if "File too large; make room" in str(error) else 2
    finally:
        os._exit(code)


HOLD = """
import sys
import h5py
with h5py.File(sys.argv[1], "r+"):
    print("open", flush=True)
    sys.stdin.read()
"""


def test_a_file_that_is_being_written_is_not_called_truncated(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    write_sample(path)
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(UnreadableError, match="it is open in another program; wait"):
            open_hdf5(path, KIND)
    open_hdf5(path, KIND).close()


def test_an_error_of_the_system_inside_the_block_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    write_sample(path)
    with pytest.raises(UnreadableError, match="Input/output error"), read_hdf5(path, KIND):
        raise OSError(errno.EIO, "read failed")
