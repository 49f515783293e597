import errno
import gzip

import numpy as np
import pytest

from tests.ucls.datasets.layouts import both_splits, write_mnist
from ucls.datasets import DATASETS, open_dataset
from ucls.datasets.mnist import DEBIAN_FOLDER, read_idx
from ucls.errors import UsageError


@pytest.mark.parametrize("packed", [False, True])
def test_images_and_labels_are_those_on_disk(tmp_path, packed):
    splits = DATASETS["mnist"].load(write_mnist(tmp_path, packed=packed)).splits
    for images, (pixels, labels) in zip(
        splits.values(), both_splits(20, 10, 10, 28, seed=0), strict=True
    ):
        np.testing.assert_array_equal(images.labels, labels)
        picture = images.read(4)
        assert picture.mode == "L"
        np.testing.assert_array_equal(np.asarray(picture), pixels[4, ..., 0])
        assert (images.name, images.native) == ("mnist", (28, 1))
        assert images.class_names == tuple("0123456789")


def test_fashion_mnist_has_names_of_its_own(tmp_path):
    write_mnist(tmp_path, name="FashionMNIST")
    found = open_dataset("fashion-mnist", DATASETS["fashion-mnist"], data_dir=tmp_path).splits
    assert (found["val"].name, found["val"].class_names[9]) == ("fashion-mnist", "boot")


@pytest.mark.skipif(not DEBIAN_FOLDER.is_dir(), reason="needs Debian's dataset-fashion-mnist")
def test_what_the_system_installed_is_found_without_a_data_folder():
    found = open_dataset("fashion-mnist", DATASETS["fashion-mnist"]).splits
    assert len(found["train"]) == 60_000
    assert found["train"].labels[:5].tolist() == [9, 0, 0, 3, 0]


def test_fewer_labels_than_images(tmp_path):
    folder = write_mnist(tmp_path)
    labels = folder / "t10k-labels-idx1-ubyte"
    labels.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3]))
    with pytest.raises(UsageError, match="one label of 10 classes for each of the 10 val images"):
        DATASETS["mnist"].load(folder)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\0", bytes([0, 0, 8, 1, 0, 0, 0, 9, 1, 2, 3]), bytes([0, 0, 8, 3, 0, 0])],
)
def test_damaged_files(tmp_path, content):
    (tmp_path / "labels").write_bytes(content)
    with pytest.raises(UsageError, match=r"cannot read .*labels as an IDX file"):
        read_idx(tmp_path / "labels")


def test_a_damaged_packed_file(tmp_path):
    (tmp_path / "labels.gz").write_bytes(gzip.compress(bytes(100))[:-12])
    with pytest.raises(UsageError, match=r"cannot read .*labels as an IDX file"):
        read_idx(tmp_path / "labels")


def test_a_missing_file(tmp_path):
    with pytest.raises(UsageError, match=r"expected the file .*labels\.gz"):
        read_idx(tmp_path / "labels")


def test_the_reason_of_the_system_is_named(tmp_path, monkeypatch):
    (tmp_path / "labels").write_bytes(bytes(100))

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(type(tmp_path), "read_bytes", refuse)
    with pytest.raises(UsageError, match=r"cannot read .*labels: Permission denied; check its"):
        read_idx(tmp_path / "labels")
