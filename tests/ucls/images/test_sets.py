import os
import pickle

import numpy as np
import pytest
from PIL import Image

from ucls.errors import UsageError
from ucls.images.files import UnreadableImageError
from ucls.images.sets import (
    ArrayReader,
    encode_labels,
    file_stamps,
    fingerprint_files,
    fingerprint_stamps,
    load_folder,
    load_image,
)


def make_images(root, *names, size=4):
    """Pictures of one time, so that only what a test is about tells them apart."""
    for index, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (size, size), (index, 0, 0)).save(root / name)
        os.utime(root / name, (1, 1))
    return root


def test_a_folder_without_labels(tmp_path):
    images = load_folder(make_images(tmp_path / "pets", "b.png", "a/c.png"), split="val")
    assert (images.name, images.split, images.native) == ("pets", "val", None)
    assert images.paths == ["a/c.png", "b.png"]
    assert len(images) == 2
    assert images.labels is None
    assert images.class_names == ()
    assert [images.read(i).getpixel((0, 0)) for i in range(2)] == [(1, 0, 0), (0, 0, 0)]


def test_the_first_sub_folder_is_the_class(tmp_path):
    make_images(tmp_path, "dog/x.png", "cat/young/y.png", "cat/z.png", "yak/cat/w.png")
    images = load_folder(tmp_path, labels="folders")
    assert images.class_names == ("cat", "dog", "yak")
    assert images.labels.tolist() == [0, 0, 1, 2]
    assert images.labels.dtype == np.int32


def test_classes_are_merged_by_name(tmp_path):
    make_images(tmp_path, "cat/a.png", "oak/b.png", "dog/c.png")
    images = load_folder(tmp_path, labels="folders")
    merged = images.merged({"cat": "pet", "dog": "pet", "oak": "tree"})
    assert images.class_names == ("cat", "dog", "oak")
    assert merged.class_names == ("pet", "tree")
    assert [merged.class_names[label] for label in merged.labels] == ["pet", "pet", "tree"]
    assert images.merged(None) is images
    assert load_folder(tmp_path).merged({"cat": "pet"}).labels is None


def test_images_outside_of_any_class(tmp_path):
    make_images(tmp_path, "dog/x.png", "loose.png", "other.png")
    with pytest.raises(UsageError, match=r"got 2 images outside.*loose\.png"):
        load_folder(tmp_path, labels="folders")


def test_an_image_set_can_be_sent_to_another_process(tmp_path):
    images = pickle.loads(pickle.dumps(load_folder(make_images(tmp_path, "a.png", "b.png"))))
    assert images.read(1).getpixel((0, 0)) == (1, 0, 0)


def test_fingerprint_follows_paths_and_sizes(tmp_path):
    first = load_folder(make_images(tmp_path / "a", "x.png", "y.png")).fingerprint
    copy = load_folder(make_images(tmp_path / "b", "x.png", "y.png")).fingerprint
    renamed = load_folder(make_images(tmp_path / "c", "x.png", "z.png")).fingerprint
    resized = load_folder(make_images(tmp_path / "d", "x.png", "y.png", size=99)).fingerprint
    assert first == copy
    assert len({first, renamed, resized}) == 3


def test_fingerprint_of_a_folder_follows_images_that_keep_their_size(tmp_path):
    first = load_folder(make_images(tmp_path, "x.bmp", "y.bmp")).fingerprint
    Image.new("RGB", (4, 4), "white").save(tmp_path / "y.bmp")
    changed = load_folder(tmp_path).fingerprint
    assert first != changed
    assert load_folder(tmp_path).fingerprint == changed


def test_fingerprint_of_a_dataset_is_that_of_its_copy(tmp_path):
    names = ["x.png", "y.png"]
    first = fingerprint_files(make_images(tmp_path / "a", *names), names)
    make_images(tmp_path / "b", *names)
    os.utime(tmp_path / "b" / "x.png", (2, 2))
    assert fingerprint_files(tmp_path / "b", names) == first
    timed = [fingerprint_files(tmp_path / root, names, with_times=True) for root in "ab"]
    assert len({first, *timed}) == 3


def test_reading_a_damaged_image(tmp_path):
    make_images(tmp_path, "a.png")
    (tmp_path / "b.png").touch()
    with pytest.raises(UnreadableImageError, match="empty file"):
        load_folder(tmp_path).read(1)


def test_an_empty_folder_and_one_without_images(tmp_path):
    with pytest.raises(UsageError, match="is empty"):
        load_folder(tmp_path)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UsageError, match=r"holds no images.*\.jpg"):
        load_folder(tmp_path)


@pytest.mark.parametrize(("shape", "mode"), [((2, 4, 4), "L"), ((2, 4, 4, 3), "RGB")])
def test_array_reader_keeps_the_pixels(shape, mode):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    image = ArrayReader(pixels)(1)
    assert image.mode == mode
    np.testing.assert_array_equal(np.asarray(image), pixels[1])


def test_array_reader_takes_pixels_in_any_order_of_memory():
    planar = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 4), dtype=np.uint8)
    image = ArrayReader(planar.transpose(0, 2, 3, 1))(1)
    np.testing.assert_array_equal(np.asarray(image), planar[1].transpose(1, 2, 0))


def test_labels_of_names():
    labels, class_names = encode_labels(["dog", "", "cat", "dog"])
    assert labels.tolist() == [1, -1, 0, 1]
    assert labels.dtype == np.int32
    assert class_names == ("cat", "dog")
    labels, class_names = encode_labels(["dog", "cat"], ("dog", "yak", "cat"))
    assert labels.tolist() == [0, 2]
    assert class_names == ("dog", "yak", "cat")
    labels, class_names = encode_labels(["dog", "-1", ""])
    assert (labels.tolist(), class_names) == ([0, -1, -1], ("dog",))
    assert encode_labels(["", "-1"]) == (None, ())


def test_a_missing_file_changes_the_fingerprint(tmp_path):
    make_images(tmp_path, "a.png", "b.png")
    whole = fingerprint_files(tmp_path, ["a.png", "b.png"])
    absolute = str(tmp_path / "b.png")
    assert fingerprint_files(tmp_path, ["a.png", absolute]) != whole
    (tmp_path / "b.png").unlink()
    assert fingerprint_files(tmp_path, ["a.png", "b.png"]) != whole


def test_stamps_tell_which_files_are_the_same(tmp_path):
    images = load_folder(make_images(tmp_path, "a.png", "b.png"))
    assert images.stamps.tolist() == [
        [(tmp_path / name).stat().st_size, 10**9] for name in images.paths
    ]
    (tmp_path / "b.png").unlink()
    stamps = file_stamps(tmp_path, images.paths)
    assert stamps[0].tolist() == images.stamps[0].tolist()
    assert stamps[1].tolist() == [-1, -1]
    assert fingerprint_stamps(images.paths, stamps) == fingerprint_files(tmp_path, images.paths)


def test_some_rows_of_a_set(tmp_path):
    images = load_folder(make_images(tmp_path, "x/a.png", "y/b.png", "y/c.png"), labels="folders")
    part = images.of_rows(np.array([2, 0]))
    assert part.paths == ["y/c.png", "x/a.png"]
    assert part.labels.tolist() == [1, 0]
    assert part.stamps.tolist() == images.stamps[[2, 0]].tolist()
    assert [part.read(i).getpixel((0, 0)) for i in range(2)] == [(2, 0, 0), (0, 0, 0)]


def test_a_single_image(tmp_path):
    make_images(tmp_path, "a.png", "b.png")
    images = load_image(tmp_path / "b.png")
    assert (images.name, images.paths, len(images)) == ("b.png", ["b.png"], 1)
    assert images.read(0).getpixel((0, 0)) == (1, 0, 0)
