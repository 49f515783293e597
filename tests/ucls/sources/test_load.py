import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.ucls.datasets.layouts import (
    write_cifar10,
    write_cifar100,
    write_imagenet,
    write_lines,
    write_stl10,
    write_subset,
)
from ucls.errors import UsageError
from ucls.sources import load_source, reopen


def make_images(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4)).save(root / name)
    return str(root)


def make_manifest(path, *rows):
    """Rows of path and label; each path gets an image."""
    make_images(path.parent, *(row.split(",")[0] for row in rows))
    return str(write_lines(path, ["path,label", *rows]))


def make_features(path, labels=None, width=3):
    values = np.random.default_rng(0).normal(size=(6, width))
    np.savez(path, features=values, **({} if labels is None else {"labels": labels}))
    return str(path)


def test_sources_and_images_are_known_without_torch():
    code = "import sys, ucls.sources, ucls.images.files; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_folder(tmp_path):
    source = load_source(make_images(tmp_path / "pets", "a.png", "b/c.png"))
    assert (source.name, source.kind, source.n_classes) == ("pets", "folder", None)
    assert list(source.splits) == ["train"]
    assert source.n_images == 2


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
    with pytest.raises(UsageError, match="2 training classes, got 1 other, such as 'fox'"):
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


def test_a_list_of_images(tmp_path):
    train = make_manifest(tmp_path / "train.csv", "1.png,cat", "2.png,dog", "3.png,")
    val = make_manifest(tmp_path / "val.csv", "4.png,", "5.png,dog")
    source = load_source(train, val=val)
    assert (source.name, source.kind, source.n_classes) == ("train", "manifest", 2)
    assert source.splits["train"].labels.tolist() == [0, 1, -1]
    assert source.splits["val"].labels.tolist() == [-1, 1]


def test_lists_that_share_an_image(tmp_path):
    train = make_manifest(tmp_path / "train.csv", "1.png,cat", "2.png,dog")
    val = make_manifest(tmp_path / "val.csv", f"{tmp_path}/2.png,dog", "3.png,cat")
    with pytest.raises(UsageError, match=r"overlap: 1 image in both .*2\.png"):
        load_source(train, val=val)


def test_a_list_brings_its_own_labels(tmp_path):
    train = make_manifest(tmp_path / "train.csv", "1.png,cat")
    with pytest.raises(UsageError, match="column 'label'"):
        load_source(train, labels="folders")


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
    manifest = make_manifest(tmp_path / "c.csv", "2.png,cat")
    for val in (file, manifest):
        with pytest.raises(UsageError, match="expected a folder of validation images"):
            load_source(folder, val=val)
    for val in (folder, manifest):
        with pytest.raises(UsageError, match="feature file"):
            load_source(file, val=val)
    for val in (folder, file):
        with pytest.raises(UsageError, match="expected a list of validation images"):
            load_source(manifest, val=val)


@pytest.mark.parametrize("options", [{"labels": "folders"}, {"val": "somewhere"}])
def test_a_dataset_brings_its_own_labels_and_validation(options):
    with pytest.raises(UsageError, match="has its own"):
        load_source("digits", **options)


def test_labels_from_folders_need_a_folder(tmp_path):
    with pytest.raises(UsageError, match="'labels'"):
        load_source(make_features(tmp_path / "a.npz"), labels="folders")


@pytest.mark.parametrize("options", [{"data_dir": "d"}, {"subset": "s.txt"}, {"download": True}])
def test_options_of_datasets_with_another_source(tmp_path, options):
    (name,) = options
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} belongs to datasets"):
        load_source(make_images(tmp_path / "pets", "a.png"), **options)


def test_unknown_names_list_the_datasets():
    with pytest.raises(UsageError, match=r"known datasets: digits, .*did you mean 'cifar100'"):
        load_source("cifar1000")
    with pytest.raises(UsageError, match=r"known datasets: digits, .*check the path"):
        load_source("photographs")


@pytest.mark.parametrize("source", ["", "no/such/folder", "features.npy", "list.csv", "./photos"])
def test_paths_that_do_not_exist(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=rf"no such file or folder: '{source}'.*\.csv.*\.npy"):
        load_source(source)


@pytest.mark.parametrize("name", ["a.png", "a"])
def test_files_of_another_kind(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(
        UsageError, match=rf"\.csv.*\.npy, \.npz, \.h5.*got .*{name}, which is an empty"
    ):
        load_source(str(tmp_path / name))


def test_an_incomplete_dataset_says_so(tmp_path):
    write_stl10(tmp_path)
    assert load_source("stl10", data_dir=tmp_path).notes == (
        "stl10 train holds 20 images, the whole dataset 5,000",
        "stl10 val holds 10 images, the whole dataset 8,000",
    )


def test_fewer_classes_are_a_remark(tmp_path):
    write_imagenet(tmp_path)
    source = load_source("imagenet", data_dir=tmp_path)
    assert source.n_classes == 3
    assert source.notes[-1] == "imagenet holds 3 classes, the whole dataset 1,000"


def test_cifar20_has_20_classes(tmp_path):
    write_cifar100(tmp_path)
    fine = load_source("cifar100", data_dir=tmp_path)
    coarse = load_source("cifar20", data_dir=tmp_path)
    assert (fine.n_classes, coarse.n_classes) == (100, 20)
    assert (fine.name, coarse.name) == ("cifar100", "cifar20")
    for split in ("train", "val"):
        assert coarse.splits[split].name == "cifar100"
        assert coarse.splits[split].fingerprint == fine.splits[split].fingerprint
    assert len(coarse.class_map) == 100


def test_a_subset_counts_its_own_images(tmp_path):
    write_imagenet(tmp_path, 120, 60, n_classes=60)
    subset = write_subset(tmp_path / "s.txt", 50)
    source = load_source("imagenet50", data_dir=tmp_path, subset=subset)
    whole = load_source("imagenet", data_dir=tmp_path)
    assert source.n_classes == len(source.classes) == 50
    assert (source.n_images, whole.n_images) == (100, 120)
    assert source.splits["train"].fingerprint == whole.splits["train"].fingerprint
    assert source.notes == (
        "imagenet50 train holds 100 images, the whole dataset 64,274",
        "imagenet50 val holds 50 images, the whole dataset 2,500",
    )


def test_files_are_all_that_is_read(tmp_path):
    folder = load_source(make_images(tmp_path / "pets", "a.png", "b/c.png"))
    assert sorted(path for path in folder.files() if path.is_file()) == [
        tmp_path / "pets" / "a.png",
        tmp_path / "pets" / "b" / "c.png",
    ]
    lists = [make_manifest(tmp_path / part / "l.csv", "1.png,cat") for part in ("train", "val")]
    files = list(load_source(lists[0], val=lists[1]).files())
    assert set(files) == {tmp_path / p / n for p in ("train", "val") for n in ("l.csv", "1.png")}
    features = make_features(tmp_path / "x.npz")
    assert list(load_source(features).files()) == [tmp_path / "x.npz"]
    write_imagenet(tmp_path / "data", 120, 60, n_classes=60)
    subset = write_subset(tmp_path / "s.txt", 50)
    files = list(load_source("imagenet50", data_dir=tmp_path / "data", subset=subset).files())
    assert tmp_path / "s.txt" in files
    assert sum(path.is_file() for path in files) == 1 + 120 + 60


def test_arguments_open_the_same_from_another_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UCLS_DATA", raising=False)
    write_cifar10(Path("data"))
    write_imagenet(Path("data"), 50, 50, n_classes=50)
    make_images(Path("train"), "cat/1.png", "dog/1.png")
    make_images(Path("val"), "dog/1.png")
    make_manifest(Path("a.csv"), "5.png,cat")
    make_manifest(Path("b.csv"), "6.png,cat")
    make_features(Path("a.npz"))
    write_subset(Path("s.txt"), 50)
    opened = [
        load_source("digits"),
        load_source("cifar10", data_dir="data"),
        load_source("imagenet50", data_dir="data", subset="s.txt"),
        load_source("train", labels="folders", val="val"),
        load_source("a.csv", val="b.csv"),
        load_source("a.npz", val="a.npz"),
    ]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for source in opened:
        again = load_source(**source.arguments)
        assert (again.name, again.arguments) == (source.name, source.arguments)
        assert again.classes == source.classes
        for split, images in source.splits.items():
            assert again.splits[split].fingerprint == images.fingerprint
            assert again.splits[split].class_names == images.class_names
    assert opened[0].arguments == {"source": "digits"}
    assert opened[3].arguments == {
        "source": str(tmp_path / "train"), "labels": "folders", "val": str(tmp_path / "val"),
    }  # fmt: skip


def test_arguments_keep_the_data_folder_of_the_environment(tmp_path, monkeypatch):
    write_cifar10(tmp_path)
    monkeypatch.setenv("UCLS_DATA", str(tmp_path))
    assert load_source("cifar10").arguments == {"source": "cifar10", "data_dir": str(tmp_path)}


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(UsageError, match=r"expected a file or a folder, got .*a\.csv"):
        load_source(str(tmp_path / "a.csv"))


def test_features_are_known_by_their_content(tmp_path):
    make_features(tmp_path / "a.npz")
    (tmp_path / "a.npz").rename(tmp_path / "a.csv")
    assert load_source(str(tmp_path / "a.csv")).kind == "features"


def test_an_array_that_is_asked_for_is_kept(tmp_path):
    values = np.random.default_rng(0).normal(size=(6, 3))
    for name in ("a.npz", "b.npz"):
        np.savez(tmp_path / name, first=values, second=values + 1)
    options = {"val": str(tmp_path / "b.npz"), "array": "second"}
    source = load_source(str(tmp_path / "a.npz"), **options)
    assert source.arguments["array"] == "second"
    assert source.name == "a-second"
    again = load_source(**source.arguments)
    for split in ("train", "val"):
        np.testing.assert_array_equal(again.splits[split].features[:], values + 1)
    with pytest.raises(UsageError, match="--array belongs to files of arrays"):
        load_source(make_images(tmp_path / "pets", "a.png"), array="second")
    with pytest.raises(UsageError, match="--array belongs to files of arrays"):
        load_source("digits", array="second")


def test_where_labels_were_found_is_told(tmp_path):
    folder = tmp_path / "representations" / "dinov2"
    folder.mkdir(parents=True)
    (tmp_path / "labels").mkdir()
    np.save(folder / "a_train.npy", np.eye(4))
    np.save(tmp_path / "labels" / "a_train.npy", [1, 1, 2, 2])
    (note,) = load_source(str(folder / "a_train.npy")).notes
    assert note.endswith("are those in " + str(tmp_path / "labels" / "a_train.npy"))


def test_a_folder_of_features_is_no_folder_of_images(tmp_path):
    np.save(tmp_path / "img_emb_0.npy", np.eye(4))
    assert load_source(str(tmp_path)).kind == "features"


def test_images_are_opened_again_by_what_a_cache_tells(tmp_path):
    np.savez(tmp_path / "a.npz", first=np.eye(3), second=np.eye(4))
    told = {"source": str(tmp_path / "a.npz"), "array": "second", "split": "train"}
    assert len(reopen(told)) == 4
    with pytest.raises(KeyError):
        reopen({})


@pytest.mark.parametrize("suffix", [".txt", ".tsv", ".csv"])
def test_lists_of_other_kinds_tell_what_they_leave_out(tmp_path, suffix):
    make_images(tmp_path, "a.png", "b.png")
    header = [] if suffix == ".txt" else ["file"]
    path = write_lines(tmp_path / f"list{suffix}", [*header, "a.png", "b.png", "./b.png"])
    source = load_source(str(path))
    assert (source.kind, source.n_images) == ("manifest", 2)
    assert "b.png: left out 1 row" in source.notes[0]


def test_a_single_image_can_be_labelled_but_is_no_set_to_train_on(tmp_path):
    make_images(tmp_path, "a.PNG", "b.png")
    source = load_source(str(tmp_path / "a.PNG"), is_trained_on=False)
    assert source.splits["train"].paths == ["a.PNG"]
    assert list(source.files()) == [tmp_path / "a.PNG"] * 2
    with pytest.raises(UsageError):
        load_source(str(tmp_path / "a.PNG"))
