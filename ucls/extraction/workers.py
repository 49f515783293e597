"""Worker processes that end with the process they work for."""

import ctypes
import os
import signal
import sys
from multiprocessing import parent_process
from typing import Any

PR_SET_PDEATHSIG = 1


def worker_options(workers: int) -> dict[str, Any]:
    """What a DataLoader takes for so many workers; 0 for none.

    On Linux they are copies of their process, with every Python (since 3.14 that is not its default
    any more): nothing is imported again, and no list of millions of images is sent to them.
    """
    return {
        "num_workers": workers,
        "worker_init_fn": end_with_parent,
        "multiprocessing_context": "fork" if workers and sys.platform == "linux" else None,
    }


def end_with_parent(_: int) -> None:
    """Lets the system kill this worker as soon as its parent ends, however that ends.

    Otherwise a worker goes on for seconds after its parent was killed, and holds the locks that it
    inherited. Only Linux can do so; elsewhere workers inherit no locks.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = parent_process()
    if parent is not None and parent.pid != os.getppid():  # it ended before
        os._exit(1)
