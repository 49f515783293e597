import h5py
import numpy as np
import pytest

from ucls.cache import Truth, read_truth, write_truth
from ucls.errors import UsageError


def test_it_comes_back(tmp_path):
    labels = {"train": np.array([1, -1, 0]), "val": np.array([0], np.int32)}
    write_truth(tmp_path / "truth.h5", Truth(labels, ["cat", "dög"]))
    back = read_truth(tmp_path / "truth.h5")
    assert back.class_names == ["cat", "dög"]
    assert {split: values.tolist() for split, values in back.labels.items()} == {
        "train": [1, -1, 0],
        "val": [0],
    }
    assert all(values.dtype == np.int32 for values in back.labels.values())


def test_no_labels_at_all(tmp_path):
    write_truth(tmp_path / "truth.h5", Truth({}, []))
    assert read_truth(tmp_path / "truth.h5") == Truth({}, [])


def test_files_that_cannot_be_used(tmp_path):
    with pytest.raises(UsageError, match=r"no file of true labels at .*run the same `ucls run`"):
        read_truth(tmp_path / "truth.h5")
    write_truth(tmp_path / "truth.h5", Truth({"train": np.zeros(3, int)}, ["a"]))
    with h5py.File(tmp_path / "truth.h5", "r+") as file:
        del file.attrs["checksum"]
        del file["labels"]
    with pytest.raises(UsageError, match=r"truth\.h5 is damaged"):
        read_truth(tmp_path / "truth.h5")
