import numpy as np
import pytest

from ucls.datasets.arrays import array_split, map_rows, read_names
from ucls.errors import UsageError


def split(tmp_path, pixels, labels):
    return array_split(
        "toys", "val", pixels, labels=np.array(labels), class_names=("a", "b"), folder=tmp_path
    )


def test_a_split(tmp_path):
    images = split(tmp_path, np.zeros((2, 8, 8), np.uint8), [1, 0])
    assert images.paths == ["toys/val/00000", "toys/val/00001"]
    assert images.native == (8, 1)
    assert split(tmp_path, np.zeros((2, 8, 8, 3), np.uint8), [1, 0]).native == (8, 3)


def test_no_images(tmp_path):
    with pytest.raises(UsageError, match=r"expected val images in .*, got none"):
        split(tmp_path, np.zeros((0, 8, 8), np.uint8), [])


@pytest.mark.parametrize("labels", [[0], [0, 2], [-1, 0], [[0], [1]]])
def test_labels_that_do_not_fit(tmp_path, labels):
    with pytest.raises(UsageError, match="one label of 2 classes for each of the 2 val images"):
        split(tmp_path, np.zeros((2, 8, 8), np.uint8), labels)


def test_rows_are_mapped_not_read(tmp_path):
    path = tmp_path / "a.bin"
    np.arange(12, dtype=np.uint8).tofile(path)
    rows = map_rows(path, 4)
    assert isinstance(rows, np.memmap)
    np.testing.assert_array_equal(rows, np.arange(12).reshape(3, 4))
    with pytest.raises(UsageError, match=r"rows of 5 bytes in .*a\.bin, got 12 bytes"):
        map_rows(path, 5)


def test_names(tmp_path):
    (tmp_path / "names.txt").write_text("cat\r\n\n big dog \n")
    assert read_names(tmp_path / "names.txt") == ("cat", "big dog")
