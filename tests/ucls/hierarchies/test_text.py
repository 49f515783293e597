from pathlib import Path

import pytest

from ucls.errors import UnreadableError, UsageError
from ucls.hierarchies.text import read_text


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no file .*missing\.csv"):
        read_text(tmp_path / "missing.csv")
    with pytest.raises(UnreadableError, match="give a file in its place"):
        read_text(tmp_path)
    (tmp_path / "latin.csv").write_bytes("class,Käfer".encode("latin-1"))
    with pytest.raises(UsageError, match="no text in UTF-8: save it so"):
        read_text(tmp_path / "latin.csv")
