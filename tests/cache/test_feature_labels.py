import h5py
import numpy as np
import pytest

from tests.cache.cache_samples import PIXELS
from ucls.cache import FeatureCache, FeatureCacheWriter, remove_cache, replace_labels
from ucls.cache.feature_labels import labels_path
from ucls.errors import UclsError, UsageError

NAME = "x-train-vit-224-0123abcd.h5"


def write(path, labels=None, *, overwrite=False):
    with FeatureCacheWriter(path, PIXELS, 3, overwrite=overwrite) as writer:
        cls = np.ones((1, 3, 1, PIXELS.n_features), np.float16)
        writer.append(cls, None, ["a", "b", "c"])
        if labels is not None:
            writer.write_labels(np.array(labels), ["old"])
        writer.finish()


@pytest.fixture(params=[None, [0, 0, -1]], ids=["without", "with"])
def path(request, tmp_path):
    """A cache without labels, or with some."""
    write(tmp_path / NAME, request.param)
    return tmp_path / NAME


def test_labels_are_given_later(path):
    before = path.read_bytes()
    replace_labels(path, np.array([1, -1, 0], np.int64), ["cat", "dög"])
    with FeatureCache(path) as cache:
        assert cache.labels().tolist() == [1, -1, 0]
        assert cache.labels().dtype == np.int32
        assert cache.class_names() == ["cat", "dög"]
    assert path.read_bytes() == before


def test_labels_change_again(path):
    replace_labels(path, np.array([1, -1, 0]), ["cat", "dog"])
    replace_labels(path, np.array([0, 0, 0]), ["bee"])
    with FeatureCache(path) as cache:
        assert (cache.labels().tolist(), cache.class_names()) == ([0, 0, 0], ["bee"])


def test_new_features_forget_them(path):
    replace_labels(path, np.array([1, -1, 0]), ["cat", "dog"])
    write(path, [0, -1, 0], overwrite=True)
    with FeatureCache(path) as cache:
        assert (cache.labels().tolist(), cache.class_names()) == ([0, -1, 0], ["old"])


def test_they_go_with_the_cache(path):
    replace_labels(path, np.array([1, -1, 0]), ["cat", "dog"])
    remove_cache(path)
    assert list(path.parent.iterdir()) == []


def test_wrong_labels(path):
    with pytest.raises(UsageError, match=r"expected integer labels \[N\], got float64 \(3,\)"):
        replace_labels(path, np.ones(3), ["a"])
    with pytest.raises(UsageError, match=r"got int64 \(1, 3\)"):
        replace_labels(path, np.ones((1, 3), int), ["a"])
    assert not labels_path(path).exists()


def test_a_damaged_file_of_labels_is_named(path):
    replace_labels(path, np.array([1, -1, 0]), ["cat", "dog"])
    with h5py.File(labels_path(path), "r+") as file:
        del file["class"]
    with FeatureCache(path) as cache, pytest.raises(UclsError, match=r"\.labels is damaged"):
        cache.labels()
