import numpy as np
import pytest

from tests.ucls.datasets.layouts import both_splits, write_food101
from ucls.datasets.food101 import load
from ucls.errors import UsageError
from ucls.images.files import UnreadableImageError


@pytest.mark.parametrize("text_lists", [False, True])
def test_images_and_labels_are_those_on_disk(tmp_path, text_lists):
    splits = load(write_food101(tmp_path, text_lists=text_lists)).splits
    assert splits["train"].paths[:2] == ["apple_pie/0.jpg", "apple_pie/3.jpg"]
    assert splits["val"].paths[-1] == "waffles/10005.jpg"
    for images, (pixels, labels) in zip(
        splits.values(), both_splits(12, 6, 3, 24, seed=0), strict=True
    ):
        assert images.class_names == ("apple_pie", "sushi", "waffles")
        assert images.labels.tolist() == sorted(labels)
        last = np.asarray(images.read(len(images) - 1), int)
        assert np.abs(last.mean((0, 1)) - pixels[-1].mean((0, 1))).max() < 3
        assert (images.name, images.native, images.location) == ("food101", None, "")


def test_both_kinds_of_lists_are_the_same_images(tmp_path):
    first = load(write_food101(tmp_path / "a")).splits["train"]
    second = load(write_food101(tmp_path / "b", text_lists=True)).splits["train"]
    assert first.fingerprint == second.fingerprint


def test_a_missing_image_is_unreadable_and_counts(tmp_path):
    folder = write_food101(tmp_path)
    whole = load(folder).splits["train"]
    (folder / "images" / "apple_pie" / "3.jpg").unlink()
    images = load(folder).splits["train"]
    assert len(images) == len(whole)
    assert images.fingerprint != whole.fingerprint
    with pytest.raises(UnreadableImageError, match="No such file"):
        images.read(1)


@pytest.mark.parametrize("content", ["{", "[1]", "3", '{"a": 3}'])
def test_a_damaged_list(tmp_path, content):
    folder = write_food101(tmp_path)
    (folder / "meta" / "test.json").write_text(content)
    with pytest.raises(UsageError, match=r"lists of images by class in .*test\.json"):
        load(folder)


@pytest.mark.parametrize(
    ("content", "what"), [('{"soup": ["soup/1"]}', "others, such as soup"), ("{}", "none")]
)
def test_a_list_of_other_classes_and_an_empty_one(tmp_path, content, what):
    folder = write_food101(tmp_path)
    (folder / "meta" / "test.json").write_text(content)
    with pytest.raises(UsageError, match=f"got {what}"):
        load(folder)


def test_a_missing_list(tmp_path):
    folder = write_food101(tmp_path)
    (folder / "meta" / "test.json").unlink()
    with pytest.raises(UsageError, match=r"expected the file .*test\.txt"):
        load(folder)
