import numpy as np
import pytest

from ucls.errors import UsageError
from ucls.images.feature_readers.numpy_files import NPZ, mapped


def test_shapes_of_an_archive_are_known_unread(tmp_path, values, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", x=values, y=np.arange(6), other=values.T)
    contents = NPZ.open(tmp_path / "a.npz")
    monkeypatch.setattr("numpy.lib.npyio.NpzFile.__getitem__", lambda *_: pytest.fail("was read"))
    assert (contents.names, contents.features) == (("x", "y", "other"), ("x",))
    assert contents.array("other").shape == (4, 6)
    assert not contents.array("x").is_divisible
    monkeypatch.undo()
    np.testing.assert_array_equal(contents.array("x").read(slice(1, 3)), values[1:3])


def test_a_mapped_array(tmp_path, values):
    np.save(tmp_path / "a.npy", values)
    stored = mapped(tmp_path / "a.npy")
    assert isinstance(stored.read(slice(1, 3)), np.memmap)


def test_a_header_that_is_no_python_is_damage(tmp_path, values):
    np.save(tmp_path / "a.npy", values)
    whole = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(3 * whole[:64] + whole)
    with pytest.raises(UsageError, match=r"cannot read .*a\.npy: it is damaged"):
        mapped(tmp_path / "a.npy")


@pytest.mark.filterwarnings("error")
def test_what_numpy_of_python_2_wrote_is_read_without_a_word(tmp_path, values):
    np.save(tmp_path / "a.npy", values)
    whole = (tmp_path / "a.npy").read_bytes()
    old = whole.replace(b"(6, 4), }  ", b"(6L, 4L), }")
    assert old != whole
    (tmp_path / "a.npy").write_bytes(old)
    np.testing.assert_array_equal(mapped(tmp_path / "a.npy").read(slice(0, 6)), values)
