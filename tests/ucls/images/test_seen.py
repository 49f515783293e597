import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

from ucls.errors import UclsError
from ucls.images.packed.load import load_packed
from ucls.images.packed.shards import find_shards
from ucls.images.seen import check_seen
from ucls.images.sets import load_folder

MISSING = "is not on machine .* under the same paths"


def test_a_machine_without_the_images_says_so(photos: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    images = load_folder(folder)
    some = images.of_rows(np.arange(3))
    check_seen(images)
    shutil.rmtree(folder)
    for one in (images, some):
        with pytest.raises(UclsError, match=f"photos {MISSING}"):
            check_seen(one)


def test_archives_are_unpacked_on_each_machine_or_missed(
    photos: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(photos / "plain", "plain")
    shards = find_shards(tmp_path / "a.tar.gz")
    assert shards is not None
    images = load_packed(shards)
    # As on a machine with an empty cache of its own.
    shutil.rmtree(own_cache)
    check_seen(images)
    images.read(0)
    shutil.rmtree(own_cache)
    monkeypatch.setenv("UCLS_CACHE", str(tmp_path / "elsewhere"))
    with pytest.raises(UclsError, match=rf"unpacked/a-.*\.tar {MISSING}"):
        check_seen(images)
    (tmp_path / "a.tar.gz").unlink()
    with pytest.raises(UclsError, match=rf"a\.tar\.gz {MISSING}"):
        check_seen(images)
