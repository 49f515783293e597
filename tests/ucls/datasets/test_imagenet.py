import pytest

from tests.ucls.datasets.layouts import (
    WORDNET_IDS,
    write_imagenet,
    write_kaggle_imagenet,
    write_lines,
    write_tiny_imagenet,
)
from ucls.datasets.imagenet import IMAGENET, is_imagenet, load
from ucls.errors import UsageError


@pytest.mark.parametrize("name", ["", "imagenet", "ImageNet", "ILSVRC2012"])
def test_sorted_layouts(tmp_path, name):
    write_imagenet(tmp_path / name)
    folder = IMAGENET.files.find(tmp_path)
    assert folder == tmp_path / name
    splits = load(folder).splits
    assert [len(images) for images in splits.values()] == [12, 6]
    for images in splits.values():
        assert images.class_names == WORDNET_IDS[:3]
        assert [WORDNET_IDS[label] for label in images.labels] == [p[:9] for p in images.paths]
        assert (images.name, images.location, images.native) == ("imagenet", "", None)


@pytest.mark.parametrize("own", ["", "ILSVRC", "ILSVRC/Data/CLS-LOC"])
def test_kaggles_layout(tmp_path, own):
    folder = write_kaggle_imagenet(tmp_path)
    assert IMAGENET.files.find(tmp_path / own) == folder
    val = load(folder).splits["val"]
    assert val.paths[4] == "ILSVRC2012_val_00000004.JPEG"
    assert val.labels.tolist() == [0, 1, 2, 0, 1, 2]


def test_the_key_may_lie_beside_the_images(tmp_path):
    folder = write_kaggle_imagenet(tmp_path)
    (tmp_path / "LOC_val_solution.csv").rename(folder / "LOC_val_solution.csv")
    assert len(load(folder).splits["val"]) == 6


def test_validation_images_of_unknown_class(tmp_path):
    folder = write_imagenet(tmp_path, flat_val=True)
    with pytest.raises(UsageError, match=r"class of 6 images .*val is not known.*list of labels"):
        load(folder)


def test_a_key_of_another_kind(tmp_path):
    folder = write_kaggle_imagenet(tmp_path)
    write_lines(tmp_path / "LOC_val_solution.csv", ["id,label", "1,2"])
    with pytest.raises(UsageError, match="expected the columns ImageId and PredictionString"):
        load(folder)


def test_validation_keeps_to_the_training_classes(tmp_path):
    write_imagenet(tmp_path, n_classes=2)
    write_imagenet(tmp_path / "more", n_classes=3)
    (tmp_path / "more" / "val" / WORDNET_IDS[2]).rename(tmp_path / "val" / WORDNET_IDS[2])
    val = load(tmp_path).splits["val"]
    assert val.class_names == WORDNET_IDS[:2]
    assert len(val) == 6


def test_no_validation_images(tmp_path):
    folder = write_imagenet(tmp_path)
    (folder / "val").rename(folder / "test")
    with pytest.raises(UsageError, match=r"expected the folder .*val, got none"):
        load(folder)


def test_tiny_imagenet_is_not_imagenet(tmp_path):
    folder = write_tiny_imagenet(tmp_path, val="sorted")
    assert not is_imagenet(folder)
    (folder / "wnids.txt").unlink()
    assert not is_imagenet(folder)
    assert IMAGENET.files.find(tmp_path) is None
