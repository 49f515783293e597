import numpy as np
import pytest

from tests.ucls.datasets.layouts import WORDNET_IDS, both_splits, write_tiny_imagenet
from ucls.datasets.tiny_imagenet import is_tiny_imagenet, load
from ucls.errors import UsageError


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("val", ["annotated", "sorted"])
def test_every_layout(tmp_path, nested, val):
    folder = write_tiny_imagenet(tmp_path, nested=nested, val=val)
    splits = load(folder).splits
    for images, (pixels, labels) in zip(
        splits.values(), both_splits(12, 6, 3, 64, seed=0), strict=True
    ):
        assert images.class_names == WORDNET_IDS[:3]
        assert (images.name, images.native) == ("tiny-imagenet", (64, 3))
        for row, path in enumerate(images.paths):
            number = int(path.removesuffix(".JPEG").rpartition("_")[2])
            assert images.labels[row] == labels[number]
            colour = np.asarray(images.read(row), int).mean((0, 1))
            assert np.abs(colour - pixels[number].mean((0, 1))).max() < 3


def test_sorted_images_beside_the_old_annotations(tmp_path):
    folder = write_tiny_imagenet(tmp_path, val="sorted")
    (folder / "val" / "val_annotations.txt").write_text("val_0.JPEG\tn99999999\t0\t0\t1\t1\n")
    (folder / "val" / "images").mkdir()
    assert load(folder).splits["val"].class_names == WORDNET_IDS[:3]
    assert len(load(folder).splits["val"]) == 6


def test_annotations_that_miss_an_image(tmp_path):
    folder = write_tiny_imagenet(tmp_path)
    (folder / "val" / "val_annotations.txt").write_text(f"val_0.JPEG\t{WORDNET_IDS[0]}\n\nx\n")
    with pytest.raises(UsageError, match=r"class of 5 images in .*val is not known"):
        load(folder)


def test_what_it_is_known_by(tmp_path):
    folder = write_tiny_imagenet(tmp_path)
    assert is_tiny_imagenet(folder)
    renamed = folder.rename(tmp_path / "tiny")
    assert is_tiny_imagenet(renamed)
    (renamed / "wnids.txt").unlink()
    assert not is_tiny_imagenet(renamed)
