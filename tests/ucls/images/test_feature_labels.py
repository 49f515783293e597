from pathlib import Path

import numpy as np
import pytest
import torch

from ucls.errors import UsageError
from ucls.images.feature_files import load_features
from ucls.images.feature_labels import encode, labels_beside


def test_whole_floats_are_numbers():
    labels, names = encode(Path("a"), np.array([3.0, -1.0, 0.0, 3.0]), 4)
    assert (labels.tolist(), names) == ([1, -1, 0, 1], ("0", "3"))


@pytest.mark.parametrize("bad", [0.5, np.nan, np.inf])
def test_other_floats_are_none(bad):
    with pytest.raises(UsageError, match="float64: save them as integers"):
        encode(Path("a"), np.array([1.0, bad]), 2)


def test_what_temi_leaves(tmp_path):
    """As its gen_embeds.py saves them, in a folder of data/embeddings."""
    generator = torch.Generator().manual_seed(0)
    for split, n in (("", 8), ("-test", 4)):
        torch.save(torch.randn(n, 5, generator=generator), tmp_path / f"embeddings{split}.pt")
        torch.save(torch.arange(n) % 2, tmp_path / f"label{split}.pt")
        torch.save(torch.zeros(n, 3, dtype=torch.int64), tmp_path / f"knn{split}.pt")
        torch.save(torch.zeros(5), tmp_path / f"mean{split}.pt")
    train = load_features(tmp_path / "embeddings.pt")
    assert train.labels.tolist() == [0, 1] * 4
    assert train.notes == (f"labels of {tmp_path}/embeddings.pt are those in {tmp_path}/label.pt",)
    assert load_features(tmp_path / "embeddings-test.pt", split="val").labels.tolist() == [0, 1] * 2


def test_what_turtle_leaves(tmp_path):
    """As its precompute_representations.py and precompute_labels.py save them, below data."""
    folder = tmp_path / "representations" / "clipvitL14"
    folder.mkdir(parents=True)
    (tmp_path / "labels").mkdir()
    values = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    for split in ("train", "val"):
        np.save(folder / f"cifar100_{split}.npy", values)
        np.save(tmp_path / "labels" / f"cifar100_{split}.npy", [4, 4, 7, 7, 4, 7])
    loaded = load_features(folder / "cifar100_train.npy")
    assert (loaded.labels.tolist(), loaded.class_names) == ([0, 0, 1, 1, 0, 1], ("4", "7"))
    np.save(tmp_path / "labels" / "cifar100_train.npy", [1, 2])
    with pytest.raises(UsageError, match=r"6 labels in .*labels/cifar100_train\.npy"):
        load_features(folder / "cifar100_train.npy")


def test_no_other_files_are_labels(tmp_path):
    for name in ("label.pt", "labels.npy", "a.npy", "embeddings.npy"):
        (tmp_path / name).touch()
    for name in ("a.npy", "embeddings.npy", "label.pt"):
        assert labels_beside(tmp_path / name) is None
