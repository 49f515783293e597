import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csr_matrix

from ucls.errors import UsageError
from ucls.images.feature_files import load_features
from ucls.images.feature_readers import matlab
from ucls.images.feature_readers.matlab import MATLAB


@pytest.mark.parametrize(
    ("dtype", "is_packed"),
    [
        (np.float32, True),
        pytest.param(np.float64, False, marks=pytest.mark.slow),
        pytest.param(np.uint8, True, marks=pytest.mark.slow),
    ],
)
def test_up_to_version_7(tmp_path, values, dtype, is_packed):
    labels = np.array([3.0, 1, 2, 3, 1, 2])
    arrays = {"X": values.astype(dtype), "y": labels}
    savemat(tmp_path / "a.mat", arrays, do_compression=is_packed)
    loaded = load_features(tmp_path / "a.mat")
    np.testing.assert_array_equal(loaded.features[:], values)
    assert loaded.features.dtype == dtype
    assert loaded.class_names == ("1", "2", "3")
    assert loaded.labels.tolist() == [2, 0, 1, 2, 0, 1]


def test_since_version_73(fixtures, values):
    loaded = load_features(fixtures / "v73.mat")
    np.testing.assert_array_equal(loaded.features[:], values)
    assert loaded.labels.tolist() == [2, 0, 1, 2, 0, 1]
    stored = MATLAB.open(fixtures / "v73.mat").array("X")
    np.testing.assert_array_equal(stored.read(slice(2, 4)), values[2:4])
    with pytest.raises(UsageError, match=r"'name' .*got MATLAB's char"):
        load_features(fixtures / "v73.mat", array="name")


def test_cells_of_texts_are_labels(tmp_path, values):
    labels = np.array(["cat", "dog", "", "cat", "a", "dog"], dtype=object)
    savemat(tmp_path / "a.mat", {"feats": values, "labels": labels})
    loaded = load_features(tmp_path / "a.mat")
    assert loaded.class_names == ("a", "cat", "dog")
    assert loaded.labels.tolist() == [1, 2, -1, 1, 0, 2]


def test_other_names_and_kinds(tmp_path, values):
    savemat(tmp_path / "a.mat", {"fea": values, "X": csr_matrix(values)})
    with pytest.raises(UsageError, match=r"'X' .*got MATLAB's sparse: save a full matrix"):
        load_features(tmp_path / "a.mat")
    np.testing.assert_array_equal(
        load_features(tmp_path / "a.mat", array="fea").features[:], values
    )


def test_damage(tmp_path, values):
    savemat(tmp_path / "a.mat", {"X": np.tile(values, (50, 1))})
    whole = (tmp_path / "a.mat").read_bytes()
    for share in (0.003, 0.5):
        (tmp_path / "a.mat").write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(UsageError, match=r"cannot read .*a\.mat.*damaged"):
            load_features(tmp_path / "a.mat")


def test_a_file_that_crashes_its_reader_is_damaged(tmp_path, values, monkeypatch):
    savemat(tmp_path / "a.mat", {"X": values})
    crashing = tmp_path / "crashing.py"
    crashing.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setattr(matlab, "PROCESS", crashing)
    with pytest.raises(UsageError, match=r"cannot read .*a\.mat.*damaged.*its reader stopped"):
        load_features(tmp_path / "a.mat")
