import gzip
import io
import pickle
import zipfile

import h5py
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save

from ucls.images.contents import EMPTY, HDF5, NPY, NPZ, TEXT, content_of


def written(write):
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def zipped(name):
    def write(file):
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(name, "x")

    return written(write)


def hdf5(header=0):
    return written(lambda file: h5py.File(file, "w", userblock_size=header).close())


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", EMPTY),
        (written(lambda file: np.save(file, np.eye(2))), NPY),
        (written(lambda file: np.savez(file, a=np.eye(2))), NPZ),
        (written(lambda file: np.savez(file, a=np.eye(2)))[:40], NPZ),
        (hdf5(), HDF5),
        (hdf5(512), HDF5),
        (pickle.dumps({}), "a pickle (Python objects), which is never loaded"),
        (written(lambda file: torch.save({}, file)), "a PyTorch file"),
        (save({"a": torch.ones(2)}), "a safetensors file"),
        (zipped("xl/workbook.xml"), "an Office document"),
        (zipped("a.txt"), "a zip archive without arrays"),
        (gzip.compress(b"x"), "a compressed file"),
        (written(lambda file: Image.new("RGB", (2, 2)).save(file, "JPEG")), "a picture"),
        (written(lambda file: Image.new("RGB", (2, 2)).save(file, "WEBP")), "a picture"),
        (b"<!DOCTYPE html><p>Not found", "a web page in place of the file"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "a pointer of Git LFS in place of the file",
        ),
        ("path\nü.png\n".encode(), TEXT),
        ("path\nü.png\n".encode("latin-1"), TEXT),
        ("path\nü.png\n".encode("utf-16"), "text in UTF-16"),
        ("path\na.png\n".encode("utf-16-le"), "text in UTF-16"),
        (b"\0\1\2\3\0\0\0\0", "a file of no known kind"),
    ],
)
def test_files_are_told_by_their_first_bytes(tmp_path, content, kind):
    (tmp_path / "a.npy").write_bytes(content)
    assert content_of(tmp_path / "a.npy") == kind
