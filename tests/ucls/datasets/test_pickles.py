import errno
import os
import pickle

import numpy as np
import pytest

from ucls.datasets.pickles import read_arrays
from ucls.errors import UsageError

# {'data': array of the bytes 1 2 3 4, 'labels': [7]} as Python 2 and numpy 1 wrote it.
PYTHON_2 = (
    b"\x80\x02}q\x00(U\x04dataq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\n"
    b"q\x03K\x00\x85U\x01b\x87Rq\x04(K\x01K\x02K\x02\x86cnumpy\ndtype\nq\x05U\x02u1K\x00K\x01\x87R"
    b"q\x06(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x04\x01\x02\x03\x04tb"
    b"U\x06labelsq\x07]q\x08K\x07au."
)


class Runs:
    """Pickles that run a command when they are loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def test_what_python_2_wrote(tmp_path):
    (tmp_path / "batch").write_bytes(PYTHON_2)
    content = read_arrays(tmp_path / "batch")
    np.testing.assert_array_equal(content[b"data"], np.array([[1, 2], [3, 4]], np.uint8))
    assert content[b"labels"] == [7]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_what_any_protocol_writes(tmp_path, protocol):
    content = {b"data": np.arange(6, dtype=np.uint8).reshape(2, 3), b"n": np.int64(2), b"x": 1.5}
    (tmp_path / "batch").write_bytes(pickle.dumps(content, protocol))
    copy = read_arrays(tmp_path / "batch")
    np.testing.assert_array_equal(copy[b"data"], content[b"data"])
    assert (copy[b"n"], copy[b"x"]) == (2, 1.5)


@pytest.mark.parametrize("wrap", [lambda evil: evil, lambda evil: np.array([evil], object)])
def test_foreign_objects_are_refused_and_never_run(tmp_path, wrap):
    mark = tmp_path / "was-run"
    (tmp_path / "batch").write_bytes(pickle.dumps({b"data": wrap(Runs(mark))}))
    with pytest.raises(UsageError, match=r"arrays and plain values only in .*batch, got .*system"):
        read_arrays(tmp_path / "batch")
    assert not mark.exists()


@pytest.mark.parametrize("name", [b"builtins\neval", b"numpy\nload", b"numpy\nfromfile"])
def test_functions_are_refused(tmp_path, name):
    (tmp_path / "batch").write_bytes(b"c" + name + b"\n(U\x011tR.")
    with pytest.raises(UsageError, match="never loaded"):
        read_arrays(tmp_path / "batch")


@pytest.mark.parametrize("content", [b"", b"no pickle", PYTHON_2[:90], pickle.dumps([1, 2])])
def test_damaged_files(tmp_path, content):
    (tmp_path / "batch").write_bytes(content)
    with pytest.raises(UsageError, match=r"cannot read .*batch: it is damaged"):
        read_arrays(tmp_path / "batch")


def test_a_missing_file(tmp_path):
    with pytest.raises(UsageError, match=r"expected the file .*batch, got none"):
        read_arrays(tmp_path / "batch")


def test_the_reason_of_the_system_is_named(tmp_path, monkeypatch):
    (tmp_path / "batch").write_bytes(PYTHON_2)

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(type(tmp_path), "open", refuse)
    with pytest.raises(UsageError, match=r"cannot read .*batch: Permission denied; check its"):
        read_arrays(tmp_path / "batch")
