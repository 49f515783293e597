import pickle

import numpy as np
import pytest

from tests.ucls.datasets.layouts import (
    both_splits,
    superclass,
    write_cifar10,
    write_cifar100,
    write_pickle,
)
from ucls.datasets.cifar import load_cifar10, load_cifar20, load_cifar100
from ucls.errors import UsageError


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize(
    ("write", "load", "n_classes"),
    [(write_cifar10, load_cifar10, 10), (write_cifar100, load_cifar100, 100)],
)
def test_images_and_labels_are_those_on_disk(tmp_path, write, load, n_classes, binary):
    contents = load(write(tmp_path, 120, 110, binary=binary))
    expected = both_splits(120, 110, n_classes, 32, seed=0)
    for images, (pixels, labels) in zip(contents.splits.values(), expected, strict=True):
        np.testing.assert_array_equal(images.labels, labels)
        assert images.labels.dtype == np.int32
        picture = images.read(13)
        assert picture.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(picture), pixels[13])
        assert images.native == (32, 3)
        assert len(images.class_names) == n_classes
        assert images.location == ""
    assert contents.splits["train"].class_names[3].endswith("3")


@pytest.mark.parametrize(
    ("write", "load"), [(write_cifar10, load_cifar10), (write_cifar100, load_cifar100)]
)
def test_both_formats_are_the_same_images(tmp_path, write, load):
    pickled = load(write(tmp_path)).splits
    binary = load(write(tmp_path, binary=True)).splits
    assert [s.fingerprint for s in pickled.values()] == [s.fingerprint for s in binary.values()]
    assert pickled["train"].paths == binary["train"].paths
    assert pickled["train"].fingerprint != pickled["val"].fingerprint


@pytest.mark.parametrize("binary", [False, True])
def test_cifar20_is_cifar100_with_superclasses(tmp_path, binary):
    folder = write_cifar100(tmp_path, binary=binary)
    fine, coarse = load_cifar100(folder), load_cifar20(folder)
    for split, images in coarse.splits.items():
        assert images.name == "cifar100"
        assert images.fingerprint == fine.splits[split].fingerprint
        np.testing.assert_array_equal(images.labels, fine.splits[split].labels)
    assert fine.class_map is None
    assert coarse.class_map == {
        f"class {label:02d}": f"superclass {superclass(label):02d}" for label in range(100)
    }


def test_a_class_of_two_superclasses(tmp_path):
    folder = write_cifar100(tmp_path, binary=True)
    content = bytearray((folder / "test.bin").read_bytes())
    content[0] = 19  # of class 0, whose superclass is 0
    (folder / "test.bin").write_bytes(content)
    with pytest.raises(UsageError, match=r"all of one superclass, got 101 pairs"):
        load_cifar20(folder)


def test_a_superclass_without_name(tmp_path):
    folder = write_cifar100(tmp_path, binary=True)
    (folder / "coarse_label_names.txt").write_text("fish\n")
    with pytest.raises(UsageError, match=r"expected 1 superclasses .* got 20"):
        load_cifar20(folder)


def test_an_image_set_can_be_sent_to_another_process(tmp_path):
    images = load_cifar10(write_cifar10(tmp_path, binary=True)).splits["train"]
    copy = pickle.loads(pickle.dumps(images))
    np.testing.assert_array_equal(np.asarray(copy.read(3)), np.asarray(images.read(3)))


def test_a_missing_batch(tmp_path):
    folder = write_cifar10(tmp_path)
    (folder / "data_batch_3").unlink()
    with pytest.raises(UsageError, match=r"expected the file .*data_batch_3"):
        load_cifar10(folder)


@pytest.mark.parametrize("binary", [False, True])
def test_a_truncated_batch(tmp_path, binary):
    folder = write_cifar10(tmp_path, binary=binary)
    path = folder / ("test_batch.bin" if binary else "test_batch")
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(UsageError, match=r"test_batch.*incomplete"):
        load_cifar10(folder)


@pytest.mark.parametrize(
    "batch",
    [
        {},
        {b"data": np.zeros((2, 3072), np.uint8), b"labels": [0]},
        {b"data": np.zeros((2, 5), np.uint8), b"labels": [0, 1]},
        {b"data": np.zeros((2, 3072), np.float32), b"labels": [0, 1]},
        {b"data": [1, 2], b"labels": [0, 1]},
        {b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 300]},
        {b"data": np.zeros((2, 3072), np.uint8), b"labels": ["a", "b"]},
    ],
)
def test_pickles_of_something_else(tmp_path, batch):
    folder = write_cifar10(tmp_path)
    write_pickle(folder / "test_batch", batch)
    with pytest.raises(UsageError, match=r"expected 3072 bytes and a label .*test_batch"):
        load_cifar10(folder)


def test_labels_without_a_name(tmp_path):
    folder = write_cifar10(tmp_path)
    write_pickle(folder / "batches.meta", {b"label_names": [b"plane", b"car"]})
    with pytest.raises(UsageError, match="one label of 2 classes for each of the 20 train images"):
        load_cifar10(folder)


def test_names_that_are_not_there(tmp_path):
    folder = write_cifar10(tmp_path)
    write_pickle(folder / "batches.meta", {b"label_names": 3})
    with pytest.raises(UsageError, match="expected names of classes"):
        load_cifar10(folder)
