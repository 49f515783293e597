from pathlib import Path

import pytest

from benchmarks.accuracy.sources import open_source
from tests.ucls.datasets.layouts import write_cifar10, write_imagenet, write_subset
from ucls.errors import UsageError


@pytest.fixture(autouse=True)
def _without_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UCLS_DATA", raising=False)


def opened(name: str, *, data: Path | None = None, subsets: Path | None = None) -> int:
    source = open_source(name, data_dir=data, subset_dir=subsets, download=False)
    return source.count_images("train")


def test_a_dataset_is_found(tmp_path: Path) -> None:
    write_cifar10(tmp_path)
    assert opened("cifar10", data=tmp_path) == 20
    assert opened("digits") == 1437


def test_what_is_not_there_is_told_with_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--data-dir DIR.*toronto.*--download fetches it"):
        opened("cifar10")
    with pytest.raises(UsageError, match=r"expected .*cifar-10-batches-py.*toronto"):
        opened("cifar10", data=tmp_path)
    with pytest.raises(
        UsageError, match=r"it comes from https://www.image-net.org[^,]*, or [^,]*$"
    ):
        opened("imagenet")


def test_a_subset_is_taken_from_its_folder(tmp_path: Path) -> None:
    write_imagenet(tmp_path / "imagenet", n_train=120, n_val=60, n_classes=60)
    write_subset(tmp_path / "lists" / "imagenet_50.txt", 50)
    assert opened("imagenet50", data=tmp_path, subsets=tmp_path / "lists") == 100
    with pytest.raises(UsageError, match=r"--subset-dir DIR with imagenet_50.txt.*SCAN"):
        opened("imagenet50", data=tmp_path)
    with pytest.raises(UsageError, match=r"lists imagenet_100.txt"):
        opened("imagenet100", data=tmp_path, subsets=tmp_path / "lists")
