import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import time

import pytest
from torch.utils.data import DataLoader

from ucls.extraction.workers import end_with_parent, worker_options

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can do so")


def work(sender: "multiprocessing.connection.Connection") -> None:
    end_with_parent(0)
    sender.send(os.getpid())
    time.sleep(60)


def parent(sender: "multiprocessing.connection.Connection") -> None:
    multiprocessing.get_context("fork").Process(target=work, args=(sender,)).start()
    time.sleep(60)


def test_a_worker_ends_when_its_parent_is_killed() -> None:
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=parent, args=(sender,))
    process.start()
    sender.close()
    receiver.recv()
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    with pytest.raises(EOFError):  # as the worker held the other end until now
        receiver.recv() if receiver.poll(10) else pytest.fail("it goes on")


def test_workers_read_however_python_starts_processes() -> None:
    before = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method("forkserver", force=True)  # the default since Python 3.14
    try:
        for workers in (0, 1):
            assert list(DataLoader([3, 4], batch_size=None, **worker_options(workers))) == [3, 4]
    finally:
        multiprocessing.set_start_method(before, force=True)
