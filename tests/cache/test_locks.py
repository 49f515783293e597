from contextlib import AbstractContextManager
from pathlib import Path
from threading import Timer

import pytest
from filelock import FileLock

from ucls.cache.locks import folder_lock
from ucls.errors import UclsError


def test_one_at_a_time(tmp_path: Path) -> None:
    def lock() -> AbstractContextManager[None]:
        return folder_lock(tmp_path, "x.lock")

    with lock(), pytest.raises(UclsError) as raised, lock():
        pass
    assert str(raised.value) == (
        f"another process is working in {tmp_path}; wait for it, or choose another --out"
    )
    with folder_lock(tmp_path, "x.lock"):
        pass


def test_a_lock_that_is_about_to_be_free_is_waited_for(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "x.lock", thread_local=False)
    lock.acquire()
    Timer(0.1, lock.release).start()
    with folder_lock(tmp_path, "x.lock"):
        assert not lock.is_locked
