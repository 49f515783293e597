import io
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from ucls.errors import UsageError
from ucls.images.files import UnreadableImageError
from ucls.images.packed.load import load_packed
from ucls.images.packed.shards import find_shards

arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def picture(red):
    file = io.BytesIO()
    Image.new("RGB", (4, 4), (red, 0, 0)).save(file, "PNG")
    return {"bytes": file.getvalue(), "path": f"/etc/{red}.png"}


def write(path, **columns):
    parquet.write_table(arrow.table(columns), path)
    return path


def load(path, **options):
    return load_packed(find_shards(path), **options)


def red(images, index):
    return images.read(index).getpixel((0, 0))[0]


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("hf", [f"data-0000{n}-of-00002.arrow/{row}" for n in range(2) for row in range(3)]),
        ("hf.parquet", [f"hf.parquet/{row}" for row in range(6)]),
    ],
)
def test_what_datasets_saves(fixtures, name, paths):
    images = load(fixtures / name)
    assert images.paths == paths
    assert [red(images, row) for row in (5, 0, 1, 2, 3, 4)] == [5, 0, 1, 2, 3, 4]
    assert (images.labels.tolist(), images.class_names) == ([0, 1, -1, 0, 1, 1], ("cat", "dog"))
    assert images.name == "hf"
    copied = pickle.loads(pickle.dumps(images))
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda row: red(copied, row), range(6))) == list(range(6))


@pytest.mark.parametrize(
    ("labels", "names", "expected"),
    [
        (["b", None, "a"], ("a", "b"), [1, -1, 0]),
        ([7, 3, -1], ("3", "7"), [1, 0, -1]),
        ([3.0, 1.0, 3.0], ("1", "3"), [1, 0, 1]),
    ],
)
def test_labels(tmp_path, labels, names, expected):
    path = write(tmp_path / "a.parquet", picture=[picture(row) for row in range(3)], label=labels)
    images = load(path)
    assert (images.class_names, images.labels.tolist()) == (names, expected)


def test_two_columns_of_images(tmp_path):
    pictures = [picture(1), picture(2)]
    path = write(tmp_path / "a.parquet", left=pictures, right=pictures[::-1])
    with pytest.raises(UsageError, match=r"column of images .*got left, right: .*--array NAME"):
        load(path)
    images = load(path, column="right")
    assert [red(images, row) for row in range(2)] == [2, 1]
    assert images.labels is None
    assert images.fingerprint != load(path, column="left").fingerprint


def test_rows_without_a_picture(tmp_path):
    rows = [
        picture(1),
        None,
        {"bytes": None, "path": "/etc/hostname"},
        picture(2) | {"bytes": b"?"},
    ]
    images = load(write(tmp_path / "a.parquet", image=rows))
    assert red(images, 0) == 1
    for row in (1, 2):
        with pytest.raises(UnreadableImageError, match="no picture in this row"):
            images.read(row)
    with pytest.raises(UnreadableImageError, match="not an image"):
        images.read(3)


def test_a_table_that_was_replaced_is_read_anew(tmp_path):
    images = load(write(tmp_path / "a.parquet", image=[picture(1)]))
    assert red(images, 0) == 1
    write(tmp_path / "a.parquet", image=[picture(2)])
    assert red(load(tmp_path / "a.parquet"), 0) == 2
    (tmp_path / "a.parquet").unlink()
    with pytest.raises(UnreadableImageError, match="No such file"):
        images.read(0)


def test_classes_that_are_not_named(tmp_path, fixtures):
    table = parquet.read_table(fixtures / "hf.parquet")
    place = table.schema.get_field_index("label")
    table = table.set_column(place, "label", arrow.array([0, 1, 2, 0, 1, 1]))
    parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(UsageError, match=r"labels below 2 in .*got 0 to 2"):
        load(tmp_path / "a.parquet")
