import sys

import numpy as np
import pytest

from ucls.errors import UsageError
from ucls.images.feature_files import load_features
from ucls.images.feature_readers.registry import open_contents

arrow = pytest.importorskip("pyarrow")
feather = pytest.importorskip("pyarrow.feather")
parquet = pytest.importorskip("pyarrow.parquet")

SUFFIXES = ("parquet", "feather")


def write(path, table):
    """In parts of two rows."""
    if path.suffix == ".parquet":
        parquet.write_table(table, path, row_group_size=2)
    else:
        feather.write_feather(table, path, chunksize=2)
    return path


def vectors(values, kind):
    kind = {"list": arrow.list_, "large": arrow.large_list}.get(kind)
    flat = arrow.array(values.ravel())
    if kind is None:
        return arrow.FixedSizeListArray.from_arrays(flat, values.shape[1])
    return arrow.array(values.tolist(), kind(arrow.from_numpy_dtype(values.dtype)))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", ["list", "large", "fixed"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int16])
def test_a_column_of_vectors(tmp_path, values, suffix, kind, dtype):
    column = vectors(values.astype(dtype), kind)
    path = write(tmp_path / f"a.{suffix}", arrow.table({"id": range(6), "any name": column}))
    loaded = load_features(path)
    np.testing.assert_array_equal(loaded.features[:], values)
    assert loaded.features.dtype == dtype
    stored = open_contents(path).array("any name")
    for rows in (slice(1, 5), slice(2, 4), slice(5, 6), slice(0, 0)):
        np.testing.assert_array_equal(stored.read(rows), values[rows])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_one_column_per_feature(tmp_path, suffix):
    values = np.random.default_rng(0).normal(size=(6, 12))
    columns = {f"f{number}": values[:, number] for number in reversed(range(12))}
    path = write(tmp_path / f"a.{suffix}", arrow.table(columns))
    np.testing.assert_array_equal(load_features(path).features[:], values)


def test_a_file_of_pandas_with_paths_and_labels(fixtures, values):
    loaded = load_features(fixtures / "pandas.parquet")
    np.testing.assert_array_equal(loaded.features[:], values)
    assert loaded.paths == [f"{row}.jpg" for row in range(6)]
    assert (loaded.labels.tolist(), loaded.class_names) == ([0, 1, -1, 0, 1, 1], ("a", "b"))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (arrow.array([4, None, 2, 4, 2, 2]), [1, -1, 0, 1, 0, 0]),
        (arrow.array(list("baabbb")).dictionary_encode(), [1, 0, 0, 1, 1, 1]),
        (arrow.array([2.0, 1.0, 1.0, 2.0, 2.0, 2.0]), [1, 0, 0, 1, 1, 1]),
    ],
)
def test_labels(tmp_path, values, labels, expected):
    table = arrow.table({"x": vectors(values, "list"), "y": labels})
    assert load_features(write(tmp_path / "a.parquet", table)).labels.tolist() == expected


def test_paths_that_do_not_tell_rows_apart_are_left_out(tmp_path, values):
    table = arrow.table({"x": vectors(values, "list"), "path": ["a.png"] * 6})
    assert load_features(write(tmp_path / "a.parquet", table)).paths[1] == "a/1"


def test_two_columns_of_vectors(tmp_path, values):
    columns = {"image": vectors(values, "list"), "text": vectors(values + 1, "list")}
    path = write(tmp_path / "a.parquet", arrow.table(columns))
    with pytest.raises(UsageError, match=r"2 arrays .*image \[6, 4\], text \[6, 4\]; .*--array"):
        load_features(path)
    np.testing.assert_array_equal(load_features(path, array="text").features[:], values + 1)
    usual = arrow.table({**columns, "features": vectors(values + 2, "list")})
    path = write(tmp_path / "b.parquet", usual)
    np.testing.assert_array_equal(load_features(path).features[:], values + 2)


@pytest.mark.parametrize("odd", [[1.0], None, [1.0, 2.0, 3.0, 4.0, 5.0]])
def test_vectors_of_another_length(tmp_path, values, odd):
    rows = values.tolist()
    rows[3] = odd
    path = write(tmp_path / "a.parquet", arrow.table({"x": rows}))
    with pytest.raises(UsageError, match=r"vectors of one length in .*in row 3: remove"):
        load_features(path)


def test_a_gap_in_a_vector_is_not_finite(tmp_path, values):
    rows = values.tolist()
    rows[3][1] = None
    with pytest.raises(UsageError, match=r"NaN.*first in row 3"):
        load_features(write(tmp_path / "a.parquet", arrow.table({"x": rows})))


def test_each_part_is_read_once_by_smaller_steps(tmp_path, values, monkeypatch):
    path = write(tmp_path / "a.parquet", arrow.table({"x": vectors(values, "list")}))
    stored, reads = open_contents(path).array("x"), []
    read = parquet.ParquetFile.read_row_group
    monkeypatch.setattr(
        parquet.ParquetFile,
        "read_row_group",
        lambda self, part, **options: reads.append(part) or read(self, part, **options),
    )
    for row in range(6):
        np.testing.assert_array_equal(stored.read(slice(row, row + 1)), values[row : row + 1])
    assert reads in ([1, 2], [0, 1, 2])  # the first tells the width


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damage(tmp_path, values, suffix):
    table = arrow.table({"x": vectors(np.tile(values, (9, 1)), "list")})
    path = write(tmp_path / f"a.{suffix}", table)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UsageError, match=rf"cannot read .*a\.{suffix}.*damaged"):
        load_features(path)


@pytest.mark.parametrize(("suffix", "name"), [("parquet", "Parquet"), ("feather", "Feather")])
def test_without_the_package(tmp_path, values, suffix, name, monkeypatch):
    path = write(tmp_path / f"a.{suffix}", arrow.table({"x": vectors(values, "list")}))
    for module in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        UsageError, match=rf"^{name} needs the package pyarrow: pip install 'ucls\[files\]'$"
    ):
        load_features(path)
