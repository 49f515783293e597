from pathlib import Path

import pytest

from ucls.cache import cache_directory
from ucls.errors import UsageError


def test_given_wins_over_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UCLS_CACHE", str(tmp_path / "from" / "environment"))
    assert cache_directory(tmp_path / "given") == tmp_path / "given"
    assert cache_directory() == tmp_path / "from" / "environment"


def test_it_is_not_made_at_the_root_of_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UCLS_CACHE", "/no-such-folder-of-ucls/cache")
    for given in (None, Path("/no-such-folder-of-ucls")):
        with pytest.raises(UsageError, match="there is no folder /no-such-folder-of-ucls: "):
            cache_directory(given)


@pytest.mark.parametrize("value", [None, ""])
def test_user_cache_without_environment(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("UCLS_CACHE", raising=False)
    if value is not None:
        monkeypatch.setenv("UCLS_CACHE", value)
    assert cache_directory().is_absolute()
    assert "ucls" in cache_directory().parts


def test_a_file_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("UCLS_CACHE", str(tmp_path / "file"))
    for given in (None, tmp_path / "file"):
        with pytest.raises(UsageError, match=f"expected a folder .* the file {tmp_path}/file: "):
            cache_directory(given)


def test_home_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UCLS_CACHE", "~/features")
    assert cache_directory() == Path.home() / "features"
