import h5py
import numpy as np
import pytest

from ucls.errors import UsageError
from ucls.images.feature_files import load_features
from ucls.images.feature_readers.hdf5 import HDF5


def test_a_path_inside_of_a_file(tmp_path, values):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["train/cls"], file["val/cls"] = values, values[:3]
    with pytest.raises(UsageError, match=r"found train/cls \[6, 4\], val/cls \[3, 4\]: choose"):
        load_features(tmp_path / "a.h5")
    for name in ("val/cls", "/val/cls"):
        loaded = load_features(tmp_path / "a.h5", array=name)
        np.testing.assert_array_equal(loaded.features[:], values[:3])
        assert loaded.name == "a-val-cls"
    with pytest.raises(UsageError, match=r"no array 'cls' in .*holds train/cls \[6, 4\], val/cls"):
        load_features(tmp_path / "a.h5", array="cls")


def test_only_the_rows_that_are_asked_for_are_read(tmp_path, values):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=values, compression="gzip", chunks=(2, 4))
    stored = HDF5.open(tmp_path / "a.h5").array("x")
    assert (stored.shape, stored.is_divisible) == ((6, 4), True)
    np.testing.assert_array_equal(stored.read(slice(3, 5)), values[3:5])
