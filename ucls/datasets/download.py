"""Downloads through torchvision, which knows addresses and checksums."""

import http.client
import os
import tarfile
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from ucls.cache.files import check_folder
from ucls.errors import UclsError

_FAILURES = (
    OSError,
    RuntimeError,
    EOFError,
    http.client.HTTPException,
    tarfile.TarError,
    zlib.error,
)


def fetch_archive(dataset: str, data_dir: Path) -> None:
    """Downloads and unpacks the archive of a dataset.

    Args:
        dataset: name of its class in ``torchvision.datasets``.
        data_dir: where its own folder will lie.

    Raises:
        UclsError: if the archive cannot be had, is not the one expected, or cannot be unpacked.
    """
    from torchvision import datasets

    kind = getattr(datasets, dataset)
    if dataset == "Food101":
        url, md5 = kind._URL, kind._MD5
    else:
        url, md5 = kind.url, kind.tgz_md5
    with _workplace(data_dir) as folder:
        _fetch([url], md5, Path(folder))
        _move_all(Path(folder), data_dir)


def fetch_idx(dataset: str, data_dir: Path) -> None:
    """Downloads the four files of MNIST or of a dataset like it into ``DATASET/raw``.

    Args:
        dataset: name of its class in ``torchvision.datasets``.
        data_dir: where its own folder will lie.

    Raises:
        UclsError: if a file cannot be had or is not the one expected.
    """
    from torchvision import datasets

    kind = getattr(datasets, dataset)
    with _workplace(data_dir) as folder:
        for file, md5 in kind.resources:
            _fetch([f"{mirror}{file}" for mirror in kind.mirrors], md5, Path(folder))
        _move_all(Path(folder), data_dir / dataset / "raw")


def _workplace(data_dir: Path) -> tempfile.TemporaryDirectory[str]:
    """A folder beside the data, so that nothing incomplete lies under a final name."""
    check_folder(data_dir)
    data_dir.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix=".download-", dir=data_dir)


def _fetch(urls: Sequence[str], md5: str, folder: Path) -> None:
    """Takes the first address that gives the file expected."""
    from torchvision.datasets.utils import download_and_extract_archive

    for url in urls:
        try:
            download_and_extract_archive(url, str(folder), md5=md5, remove_finished=True)
        except _FAILURES as error:
            failure = error
        else:
            return
    reason = " ".join(str(failure).split()) or type(failure).__name__
    raise UclsError(
        f"cannot download {urls[-1]} ({reason}): check the network and the room on the disk, or "
        "fetch and unpack it by hand"
    ) from failure


def _move_all(folder: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for item in folder.iterdir():
        if os.path.lexists(target / item.name):
            raise UclsError(
                f"cannot put what was downloaded at {target / item.name}: move what is there "
                "elsewhere"
            )
        item.rename(target / item.name)
