import numpy as np
import pytest

from tests.ucls.datasets.layouts import both_splits, write_stl10
from ucls.datasets.stl10 import load
from ucls.errors import UsageError


def test_images_and_labels_are_those_on_disk(tmp_path):
    splits = load(write_stl10(tmp_path)).splits
    for images, (pixels, labels) in zip(
        splits.values(), both_splits(20, 10, 10, 96, seed=0), strict=True
    ):
        np.testing.assert_array_equal(images.labels, labels)
        np.testing.assert_array_equal(np.asarray(images.read(7)), pixels[7])
        assert (images.name, images.native) == ("stl10", (96, 3))


def test_pixels_stay_on_disk(tmp_path):
    images = load(write_stl10(tmp_path)).splits["train"]
    pixels = images.reader.pixels
    while pixels.base is not None and not isinstance(pixels.base, np.memmap):
        pixels = pixels.base
    assert isinstance(pixels, np.memmap) or isinstance(pixels.base, np.memmap)


def test_an_image_without_a_class(tmp_path):
    folder = write_stl10(tmp_path)
    labels = folder / "train_y.bin"
    labels.write_bytes(b"\0" + labels.read_bytes()[1:])
    with pytest.raises(UsageError, match="one label of 10 classes for each of the 20 train images"):
        load(folder)


@pytest.mark.parametrize("n_bytes", [0, 100])
def test_a_truncated_file(tmp_path, n_bytes):
    path = write_stl10(tmp_path) / "test_X.bin"
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(UsageError, match=rf"rows of 27648 bytes in .*test_X.bin, got {n_bytes} "):
        load(path.parent)
