import pytest

from tests.ucls.datasets.layouts import WORDNET_IDS, make_split, save_images, write_imagenet
from ucls.datasets.wordnet import has_class_folder, wordnet_split
from ucls.errors import UsageError

A, B, C, *_ = WORDNET_IDS


def save(folder, *names):
    save_images(folder, names, make_split(len(names), 1, 8, seed=0)[0])
    return folder


def test_folders_are_classes_and_the_key_knows_the_rest(tmp_path):
    save(tmp_path, f"{B}/x.JPEG", f"{A}/images/y.jpg", "loose.png", "images/z.JPEG")
    images = wordnet_split("animals", "val", tmp_path, key={"loose.png": C, "z.JPEG": A})
    assert dict(zip(images.paths, images.labels.tolist(), strict=True)) == {
        "images/z.JPEG": 0, "loose.png": 2, f"{A}/images/y.jpg": 0, f"{B}/x.JPEG": 1,
    }  # fmt: skip
    assert images.paths == sorted(images.paths)
    assert images.class_names == (A, B, C)
    assert (images.name, images.split, images.location) == ("animals", "val", "")


def test_only_some_classes(tmp_path):
    save(tmp_path, f"{A}/1.JPEG", f"{B}/2.JPEG", f"{C}/3.JPEG")
    images = wordnet_split("animals", "val", tmp_path, class_names=(A, C))
    assert images.paths == [f"{A}/1.JPEG", f"{C}/3.JPEG"]
    assert images.labels.tolist() == [0, 1]


def test_a_folder_that_is_no_class(tmp_path):
    save(tmp_path, f"{A}/1.JPEG", "dogs/2.JPEG", "dogs/3.JPEG")
    with pytest.raises(UsageError, match=r"class of 2 images in .* such as dogs/2\.JPEG"):
        wordnet_split("animals", "train", tmp_path)


def test_no_images(tmp_path):
    save(tmp_path, f"{A}/1.JPEG")
    with pytest.raises(UsageError, match="expected val images"):
        wordnet_split("animals", "val", tmp_path, class_names=(B,))


def test_links_that_leave_the_folder_are_not_followed(tmp_path):
    outside = save(tmp_path / "outside", "1.JPEG")
    folder = save(tmp_path / "train", f"{A}/1.JPEG")
    (folder / B).symlink_to(outside)
    (folder / A / "2.JPEG").symlink_to(outside / "1.JPEG")
    assert wordnet_split("animals", "train", folder).paths == [f"{A}/1.JPEG"]


def test_a_split_may_be_a_link_itself(tmp_path):
    write_imagenet(tmp_path / "real")
    (tmp_path / "train").symlink_to(tmp_path / "real" / "train")
    assert len(wordnet_split("animals", "train", tmp_path / "train")) == 12


def test_has_class_folder(tmp_path):
    assert not has_class_folder(tmp_path / "nowhere")
    (tmp_path / "n123").mkdir()
    (tmp_path / A).touch()
    assert not has_class_folder(tmp_path)
    (tmp_path / B).mkdir()
    assert has_class_folder(tmp_path)
