from pathlib import Path

import pytest

from ucls.cache.features.image_log import ImageLog


def test_lines_after_the_last_commit_are_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = ImageLog(path, 0)
    log.add("a")
    log.add("b\n", "broken")
    log.add("c")
    log.close()
    with path.open("ab") as file:
        file.write(b'["half')
    log = ImageLog(path, 2)
    log.add("d")
    log.flush()
    assert list(log.written()) == ["a", "d"]
    assert list(log.skipped()) == [(1, "b\n", "broken")]
    assert log.n_images == 3
    log.close()


def test_too_few_lines(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b'["a", null]\n["half')
    with pytest.raises(ValueError, match="fewer than 2 lines"):
        ImageLog(tmp_path / "log", 2)
