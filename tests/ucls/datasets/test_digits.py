import numpy as np
from sklearn.datasets import load_digits

from ucls.sources import load_source


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
