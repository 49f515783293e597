import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import time

import pytest

from ucls.extraction.workers import end_with_parent

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
