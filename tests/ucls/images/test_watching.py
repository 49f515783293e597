import os
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue

import pytest
from PIL import Image

from ucls.errors import UsageError
from ucls.images.watching import watch_folder


def new_image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4)).save(path)


@pytest.fixture
def found(tmp_path: Path) -> Iterator["Queue[str]"]:
    """What a look at ``tmp_path`` every hundredth of a second finds."""
    queue: Queue[str] = Queue()
    stopped = threading.Event()
    new_image(tmp_path / "first.png")

    def work() -> None:
        for path in watch_folder(tmp_path, seconds=0.01):
            queue.put(path)
            if stopped.is_set():
                return

    thread = threading.Thread(target=work)
    thread.start()
    yield queue
    stopped.set()
    new_image(tmp_path / "last.png")
    thread.join()


def test_what_is_there_comes_first_then_what_comes(found: "Queue[str]", tmp_path: Path) -> None:
    assert found.get(timeout=20) == "first.png"
    new_image(tmp_path / "deep" / "second.png")
    assert found.get(timeout=20) == "deep/second.png"
    (tmp_path / "notes.txt").touch()
    with pytest.raises(Empty):
        found.get(timeout=0.2)


def test_an_image_that_changes_comes_again(found: "Queue[str]", tmp_path: Path) -> None:
    assert found.get(timeout=20) == "first.png"
    os.utime(tmp_path / "first.png", (7, 7))
    assert found.get(timeout=20) == "first.png"


def test_a_file_that_grows_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    def grow(_: float) -> None:
        nonlocal looks
        looks += 1
        if looks < 5:
            with (tmp_path / "a.png").open("ab") as file:
                file.write(b"x")

    monkeypatch.setattr("ucls.images.watching.time.sleep", grow)
    grow(0)
    assert next(watch_folder(tmp_path)) == "a.png"
    assert looks == 5


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot list"):
        next(watch_folder(tmp_path / "gone"))
