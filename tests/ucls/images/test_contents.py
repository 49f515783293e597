import pickle

import h5py
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from ucls.images.contents import kind_of


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "an empty file"),
        ("path,label\nü.png,x\n".encode(), "a text file"),
        ("path\nü.png\n".encode("latin-1"), "a text file"),
        ("path\n".encode("utf-16"), "text in UTF-16"),
        (b"\n<!DOCTYPE HTML>", "an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (pickle.dumps([1]), "a pickle"),
        (b"PAR1\x15", "a Parquet file"),
        (bytes(range(30)), "something else"),
    ],
)
def test_contents(tmp_path, content, kind):
    (tmp_path / "a.npy").write_bytes(content)
    assert kind_of(tmp_path / "a.npy").startswith(kind)


def test_files_as_their_libraries_write_them(tmp_path):
    values = np.ones((2, 2))
    np.save(tmp_path / "a.npy", values)
    np.savez(tmp_path / "b.npz", values)
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["x"] = values
    save_file({"x": values}, tmp_path / "d")
    Image.new("RGB", (2, 2)).save(tmp_path / "e.png")
    assert [kind_of(path) for path in sorted(tmp_path.iterdir())] == [
        "a NumPy array", "a zip archive", "an HDF5 file", "a safetensors file", "a PNG picture",
    ]  # fmt: skip
