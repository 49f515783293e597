import json
import sys

import numpy as np
import pytest

from ucls.errors import UsageError
from ucls.images.feature_files import load_features
from ucls.images.feature_readers.registry import reader_of

zarr = pytest.importorskip("zarr")


@pytest.mark.parametrize("version", [2, 3])
def test_an_array(tmp_path, values, version):
    path = tmp_path / "a.zarr"
    zarr.create_array(str(path), data=values, chunks=(2, 4), zarr_format=version)
    loaded = load_features(path)
    np.testing.assert_array_equal(loaded.features[:], values)
    assert (loaded.name, loaded.paths[0]) == ("a", "a/0")


@pytest.mark.parametrize("version", [2, 3])
def test_a_group_with_labels(tmp_path, values, version):
    group = zarr.open_group(str(tmp_path / "a"), mode="w", zarr_format=version)
    group.create_array("embeddings", data=values)
    group.create_array("y", data=np.array([5, 3, 5, 3, 3, -1]))
    group.create_array("deep/inner", data=values + 1)
    loaded = load_features(tmp_path / "a")
    np.testing.assert_array_equal(loaded.features[:], values)
    assert (loaded.labels.tolist(), loaded.class_names) == ([1, 0, 1, 0, 0, -1], ("3", "5"))
    inner = load_features(tmp_path / "a", array="deep/inner")
    np.testing.assert_array_equal(inner.features[:], values + 1)


def test_texts_as_labels(tmp_path, values):
    group = zarr.open_group(str(tmp_path / "a"), mode="w")
    group.create_array("x", data=values)
    labels = group.create_array("labels", shape=(6,), dtype=str)
    labels[:] = np.array(list("abcabc"))
    assert load_features(tmp_path / "a").class_names == ("a", "b", "c")


def test_pickles_are_never_loaded(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    described = {
        "zarr_format": 2, "shape": [2, 2], "chunks": [2, 2], "dtype": "<f4", "compressor": None,
        "fill_value": 0, "order": "C", "filters": [{"id": "pickle", "protocol": 5}],
    }  # fmt: skip
    (tmp_path / "a.zarr" / ".zarray").write_text(json.dumps(described))
    (tmp_path / "a.zarr" / "0.0").write_bytes(b"cpytest\nfail\n(S'unpickled'\ntR.")
    with pytest.raises(UsageError, match=r"pickle"):
        load_features(tmp_path / "a.zarr")


def test_without_the_package(tmp_path, values, monkeypatch):
    zarr.save_array(str(tmp_path / "a.zarr"), values)
    monkeypatch.setitem(sys.modules, "zarr", None)
    assert reader_of(tmp_path / "a.zarr")
    with pytest.raises(
        UsageError, match=r"^Zarr needs the package zarr: pip install 'ucls\[files\]'$"
    ):
        load_features(tmp_path / "a.zarr")
