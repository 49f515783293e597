import pytest

from ucls.errors import UsageError
from ucls.images.feature_readers.registry import READERS, open_contents, reader_of


def test_no_two_readers_want_the_same() -> None:
    for names in ("suffixes", "kinds"):
        taken = [name for reader in READERS for name in getattr(reader, names)]
        assert len(taken) == len(set(taken)) > 5


def test_a_folder_without_features(tmp_path):
    (tmp_path / "img_emb_x.npy").touch()
    assert reader_of(tmp_path) is None
    with pytest.raises(UsageError, match=r"\.npy.*\.pt.*\.zarr.*a folder without any"):
        open_contents(tmp_path)
