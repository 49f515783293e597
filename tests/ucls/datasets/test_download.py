import hashlib
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torchvision.datasets

from tests.ucls.datasets.layouts import (
    write_cifar10,
    write_cifar100,
    write_food101,
    write_mnist,
    write_stl10,
)
from ucls.datasets import DATASETS, open_dataset
from ucls.datasets.download import fetch_idx
from ucls.errors import UclsError, UsageError

ARCHIVES = {
    "cifar10": (write_cifar10, "CIFAR10", "url", "tgz_md5"),
    "cifar20": (write_cifar100, "CIFAR100", "url", "tgz_md5"),
    "cifar100": (write_cifar100, "CIFAR100", "url", "tgz_md5"),
    "stl10": (write_stl10, "STL10", "url", "tgz_md5"),
    "food101": (write_food101, "Food101", "_URL", "_MD5"),
}


class QuietHandler(SimpleHTTPRequestHandler):
    """Does not print what it is asked for."""

    def log_message(self, *_):
        pass


@pytest.fixture
def address(tmp_path):
    """Where the files of ``tmp_path`` can be downloaded from."""
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture
def offer(tmp_path, address, monkeypatch):
    """Packs a small dataset and lets torchvision find it in place of the real one."""

    def pack(name, checksum=None):
        write, kind, url, md5_name = ARCHIVES[name]
        content = write(tmp_path / "content")
        archive = tmp_path / "archive.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(content, content.name)
        dataset = getattr(torchvision.datasets, kind)
        monkeypatch.setattr(dataset, url, f"{address}/{archive.name}")
        monkeypatch.setattr(dataset, md5_name, checksum or md5(archive))

    return pack


def download(name, data_dir):
    return open_dataset(name, DATASETS[name], data_dir=data_dir, download=True)


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives(tmp_path, offer, name):
    offer(name)
    data_dir = tmp_path / "new" / "data"
    contents = download(name, data_dir)
    expected = open_dataset(name, DATASETS[name], data_dir=tmp_path / "content")
    assert contents.splits["val"].fingerprint == expected.splits["val"].fingerprint
    assert [item.name for item in data_dir.iterdir()] == [DATASETS[name].files.folders[0]]


def test_mnist_from_the_second_mirror(tmp_path, address, monkeypatch):
    folder = write_mnist(tmp_path, packed=True)
    resources = [(path.name, md5(path)) for path in sorted(folder.iterdir())]
    mirrors = [f"{address}/nowhere/", f"{address}/MNIST/raw/"]
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", resources)
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", mirrors)
    contents = download("mnist", tmp_path / "data")
    assert contents.splits["train"].labels.tolist() == (np.arange(20) % 10).tolist()
    names = sorted(path.name for path in (tmp_path / "data" / "MNIST" / "raw").iterdir())
    assert names == [name.removesuffix(".gz") for name, _ in resources]


def test_what_is_there_is_not_fetched_again(tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "url", "http://127.0.0.1:1/nowhere")
    write_cifar10(tmp_path)
    assert len(download("cifar10", tmp_path).splits["train"]) == 20


def test_an_archive_that_cannot_be_had(tmp_path, address, monkeypatch):
    monkeypatch.setattr(torchvision.datasets.STL10, "url", f"{address}/none.tar.gz")
    with pytest.raises(UclsError, match=r"cannot download http.*none\.tar\.gz \(.*by hand") as e:
        download("stl10", tmp_path / "data")
    assert e.value.exit_code == 1
    assert "\n" not in str(e.value)
    assert list((tmp_path / "data").iterdir()) == []


def test_a_server_that_does_not_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "url", "http://127.0.0.1:1/c.tar.gz")
    with pytest.raises(UclsError, match=r"cannot download .*refused"):
        download("cifar10", tmp_path / "data")


def test_an_archive_of_another_checksum(tmp_path, offer):
    offer("cifar10", checksum="0" * 32)
    with pytest.raises(UclsError, match="corrupted"):
        download("cifar10", tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []


def test_nothing_that_is_there_is_replaced(tmp_path, address, monkeypatch):
    folder = write_mnist(tmp_path, packed=True)
    resources = [(path.name, md5(path)) for path in sorted(folder.iterdir())]
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", resources)
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [f"{address}/MNIST/raw/"])
    mine = tmp_path / "data" / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(UclsError, match=r"cannot put .*t10k-images-idx3-ubyte: move what is the"):
        download("mnist", tmp_path / "data")
    assert mine.read_text() == "mine"


def test_no_data_folder_is_made_at_the_root_of_the_disk():
    with pytest.raises(UsageError, match="there is no folder /no-such-folder-of-ucls: "):
        fetch_idx("MNIST", Path("/no-such-folder-of-ucls/data"))


def test_an_incomplete_folder_is_in_the_way(tmp_path, offer):
    offer("cifar10")
    rest = tmp_path / "data" / "cifar-10-batches-py" / "data_batch_1"
    rest.parent.mkdir(parents=True)
    rest.touch()
    with pytest.raises(UclsError, match=r"cannot put .*cifar-10-batches-py: move what is there"):
        download("cifar10", tmp_path / "data")
