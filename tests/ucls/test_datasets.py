import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from ucls.datasets import DATASETS, load_source
from ucls.errors import UsageError


def make_images(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4)).save(root / name)
    return str(root)


def make_features(path, labels=None, width=3):
    values = np.random.default_rng(0).normal(size=(6, width))
    np.savez(path, features=values, **({} if labels is None else {"labels": labels}))
    return str(path)


def test_sources_and_images_are_known_without_torch():
    code = "import sys, ucls.datasets, ucls.images; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_digits_are_scikit_learns():
    source = load_source("digits")
    train, val = source.splits["train"], source.splits["val"]
    assert (source.name, source.kind, source.n_classes) == ("digits", "dataset", 10)
    assert (train.split, val.split, train.native) == ("train", "val", (8, 1))
    assert train.fingerprint != val.fingerprint
    original = load_digits()
    for images in (train, val):
        rows = [int(path.removeprefix("digits/")) for path in images.paths]
        np.testing.assert_array_equal(images.labels, original.target[rows])
        assert images.labels.dtype == np.int32
        assert images.class_names[images.labels[5]] == str(original.target[rows[5]])
        picture = images.read(7)
        assert picture.mode == "L"
        shades = np.asarray(picture, float) / 255 * 16
        np.testing.assert_allclose(shades, original.images[rows[7]], atol=0.05)


def test_every_fifth_digit_is_validation():
    splits = load_source("digits").splits
    assert splits["val"].paths[:3] == ["digits/0000", "digits/0005", "digits/0010"]
    assert splits["train"].paths[:5] == [f"digits/000{i}" for i in (1, 2, 3, 4, 6)]


def test_the_registry_tells_the_truth():
    for name, info in DATASETS.items():
        source = load_source(name)
        assert len(source.splits["train"]) == info.n_train
        assert len(source.splits["val"]) == info.n_val
        assert source.n_classes == info.n_classes


def test_a_folder(tmp_path):
    source = load_source(make_images(tmp_path / "pets", "a.png", "b/c.png"))
    assert (source.name, source.kind, source.n_classes) == ("pets", "folder", None)
    assert list(source.splits) == ["train"]


def test_the_working_folder_has_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(make_images(tmp_path / "pets", "a.png"))
    assert load_source(".").name == "pets"


def test_validation_labels_go_by_class_name(tmp_path):
    train = make_images(tmp_path / "train", "cat/1.png", "dog/1.png", "yak/1.png")
    val = make_images(tmp_path / "val", "dog/1.png", "yak/1.png")
    source = load_source(train, labels="folders", val=val)
    assert source.n_classes == 3
    assert source.splits["val"].labels.tolist() == [1, 2]
    assert source.splits["val"].class_names == ("cat", "dog", "yak")
    assert source.splits["val"].split == "val"


def test_unknown_validation_classes(tmp_path):
    train = make_images(tmp_path / "train", "cat/1.png", "dog/1.png")
    val = make_images(tmp_path / "val", "dog/1.png", "fox/1.png")
    with pytest.raises(UsageError, match="2 training classes, got 1 others, such as 'fox'"):
        load_source(train, labels="folders", val=val)


@pytest.mark.parametrize(("train", "val"), [("a", "a"), ("a", "a/b"), ("a/b", "a")])
def test_training_and_validation_must_not_overlap(tmp_path, train, val):
    make_images(tmp_path / "a", "b/1.png", "2.png")
    with pytest.raises(UsageError, match="overlap"):
        load_source(str(tmp_path / train), val=str(tmp_path / val))


def test_folders_whose_names_begin_alike_do_not_overlap(tmp_path):
    train = make_images(tmp_path / "set", "1.png")
    val = make_images(tmp_path / "set-val", "1.png")
    assert len(load_source(train, val=val).splits["val"]) == 1


def test_a_feature_file_with_validation(tmp_path):
    train = make_features(tmp_path / "train.npz", labels=np.array(list("abcabc")))
    val = make_features(tmp_path / "val.npz", labels=np.array(list("ccbbcc")))
    source = load_source(train, val=val)
    assert (source.name, source.kind, source.n_classes) == ("train", "features", 3)
    assert source.splits["val"].labels.tolist() == [2, 2, 1, 1, 2, 2]
    assert source.splits["val"].split == "val"


def test_feature_files_of_another_width(tmp_path):
    train, val = make_features(tmp_path / "a.npz"), make_features(tmp_path / "b.npz", width=4)
    with pytest.raises(UsageError, match=r"width 3 .*got 4"):
        load_source(train, val=val)


def test_validation_of_another_kind(tmp_path):
    folder, file = make_images(tmp_path / "a", "1.png"), make_features(tmp_path / "b.npz")
    with pytest.raises(UsageError, match="expected a folder of validation images"):
        load_source(folder, val=file)
    with pytest.raises(UsageError, match="feature file"):
        load_source(file, val=folder)


@pytest.mark.parametrize("options", [{"labels": "folders"}, {"val": "somewhere"}])
def test_a_dataset_brings_its_own_labels_and_validation(options):
    with pytest.raises(UsageError, match="has its own"):
        load_source("digits", **options)


def test_labels_from_folders_need_a_folder(tmp_path):
    with pytest.raises(UsageError, match="'labels'"):
        load_source(make_features(tmp_path / "a.npz"), labels="folders")


def test_unknown_names_list_the_datasets():
    with pytest.raises(UsageError, match="known datasets: digits; did you mean 'digits'"):
        load_source("digit")
    with pytest.raises(UsageError, match=r"known datasets: digits; .*check the path"):
        load_source("photographs")


@pytest.mark.parametrize("source", ["", "no/such/folder", "features.npy", "./photos"])
def test_paths_that_do_not_exist(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=f"no such file or folder: '{source}'"):
        load_source(source)


@pytest.mark.parametrize("name", ["a.csv", "a.png", "a"])
def test_files_of_another_kind(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(UsageError, match=rf"\.npy, \.npz, \.h5.*got .*{name}$"):
        load_source(str(tmp_path / name))
