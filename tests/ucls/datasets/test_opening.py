import shutil
from functools import partial

import pytest

from tests.ucls.datasets.layouts import (
    WORDNET_IDS,
    write_cifar10,
    write_cifar100,
    write_food101,
    write_imagenet,
    write_mnist,
    write_stl10,
    write_subset,
    write_tiny_imagenet,
)
from ucls.datasets import DATASETS, data_directory, open_dataset
from ucls.errors import UsageError

WRITERS = {
    "mnist": write_mnist,
    "fashion-mnist": partial(write_mnist, name="FashionMNIST"),
    "cifar10": write_cifar10,
    "cifar20": write_cifar100,
    "cifar100": write_cifar100,
    "stl10": write_stl10,
    "food101": write_food101,
    "tiny-imagenet": write_tiny_imagenet,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_dataset_is_found_in_the_data_folder_and_as_it(tmp_path, name):
    folder = WRITERS[name](tmp_path)
    for data_dir in (tmp_path, folder):
        contents = open_dataset(name, DATASETS[name], data_dir=data_dir)
        assert set(contents.splits) == {"train", "val"}
        for split, images in contents.splits.items():
            assert (images.name, images.split) == (DATASETS[name].image_set, split)
            assert images.location == ""
            assert images.read(0).width > 0


@pytest.mark.parametrize("name", WRITERS)
def test_a_dataset_that_is_moved_keeps_its_fingerprint(tmp_path, name):
    WRITERS[name](tmp_path / "a")
    before = open_dataset(name, DATASETS[name], data_dir=tmp_path / "a").splits
    shutil.move(tmp_path / "a", tmp_path / "b")
    after = open_dataset(name, DATASETS[name], data_dir=tmp_path / "b").splits
    assert [s.fingerprint for s in before.values()] == [s.fingerprint for s in after.values()]


def test_all_datasets_side_by_side(tmp_path):
    for name in WRITERS.keys() - {"cifar20"}:
        WRITERS[name](tmp_path)
    write_imagenet(tmp_path / "imagenet")
    found = {name: info.files.find(tmp_path) for name, info in DATASETS.items() if info.files}
    assert None not in found.values()
    assert len(set(found.values())) == 8


def test_the_data_folder_comes_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("UCLS_DATA", raising=False)
    assert data_directory() is None
    with pytest.raises(UsageError, match=r"give --data-dir DIR, or set UCLS_DATA"):
        open_dataset("stl10", DATASETS["stl10"])
    write_stl10(tmp_path)
    monkeypatch.setenv("UCLS_DATA", str(tmp_path))
    assert len(open_dataset("stl10", DATASETS["stl10"]).splits["train"]) == 20
    assert data_directory(tmp_path / "other") == tmp_path / "other"


@pytest.mark.parametrize("name", [name for name, info in DATASETS.items() if info.files])
def test_a_dataset_that_is_not_there(tmp_path, name):
    subset = write_subset(tmp_path / "s.txt", DATASETS[name].n_classes)
    options = {"subset": subset} if DATASETS[name].takes_subset else {}
    with pytest.raises(UsageError) as caught:
        open_dataset(name, DATASETS[name], data_dir=tmp_path, **options)
    message = str(caught.value)
    files = DATASETS[name].files
    assert str(tmp_path / files.folders[0]) in message
    assert files.origin in message
    assert ("--download" in message) == DATASETS[name].downloads
    assert "\n" not in message


@pytest.mark.parametrize("name", ["tiny-imagenet", "imagenet"])
def test_what_cannot_be_downloaded(tmp_path, name):
    with pytest.raises(UsageError, match="it cannot be downloaded from here, so get it from http"):
        open_dataset(name, DATASETS[name], data_dir=tmp_path, download=True)


def test_a_subset_keeps_its_classes(tmp_path):
    write_imagenet(tmp_path, 120, 60, n_classes=60)
    subset = write_subset(tmp_path / "s.txt", 50)
    contents = open_dataset("imagenet50", DATASETS["imagenet50"], data_dir=tmp_path, subset=subset)
    assert contents.classes == WORDNET_IDS[:50]
    assert len(contents.splits["train"]) == 120
    assert contents.splits["train"].class_names == WORDNET_IDS[:60]


def test_a_subset_whose_classes_are_not_all_there(tmp_path):
    write_imagenet(tmp_path, 48, 48, n_classes=48)
    subset = write_subset(tmp_path / "s.txt", 50)
    with pytest.raises(UsageError, match=rf"all 50 classes .* got 48; {WORDNET_IDS[48]} is missi"):
        open_dataset("imagenet50", DATASETS["imagenet50"], data_dir=tmp_path, subset=subset)


def test_a_dataset_that_needs_a_subset(tmp_path):
    with pytest.raises(UsageError, match=r"imagenet100 needs --subset FILE\.txt with its 100"):
        open_dataset("imagenet100", DATASETS["imagenet100"], data_dir=tmp_path)


@pytest.mark.parametrize("name", ["digits", "cifar20", "imagenet"])
def test_a_dataset_that_takes_no_subset(tmp_path, name):
    subset = write_subset(tmp_path / "s.txt", 50)
    with pytest.raises(UsageError, match=f"{name} takes no subset"):
        open_dataset(name, DATASETS[name], data_dir=tmp_path, subset=subset)
