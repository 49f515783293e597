"""Jobs of several gloo processes, started without torchrun, which takes long."""

import multiprocessing
import os
import pickle
import socket
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

# A process that has imported everything starts its children at once.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["ucls.pipeline", "ucls.ranks", "ucls.training.trainer"])


def run_job(n_processes: int, lead: Callable[..., Any], *arguments: Any) -> Any:
    """What ``lead`` returns in the first of some processes; the others follow it."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "found"
        members = start_job(n_processes, found, lead, *arguments)
        for member in members:
            member.join()
        assert [member.exitcode for member in members] == [0] * n_processes
        return pickle.loads(found.read_bytes())


def start_job(
    n_processes: int, found: Path, lead: Callable[..., Any], *arguments: Any
) -> list[Any]:
    """Starts the processes; what ``lead`` returns goes to a file."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    members = []
    for number in range(n_processes):
        given = (number, n_processes, port, found, partial(lead, *arguments))
        members.append(processes.Process(target=_take_part, args=given))
        members[-1].start()
    return members


def _take_part(
    number: int, n_processes: int, port: int, found: Path, lead: Callable[[], Any]
) -> None:
    import torch

    from ucls.ranks import dismiss, follow, joined

    torch.set_num_threads(1)
    names = {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": n_processes, "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in names.items()}
    os.environ["MASTER_ADDR"] = "localhost"
    with joined() as leads:
        if not leads:
            follow()
            return
        found.write_bytes(pickle.dumps(lead()))
        dismiss(0)
