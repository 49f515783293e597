"""Real ``ucls`` processes that start at once: forks of one that has imported everything.

Run as a script it is the server; :class:`ForkServer` starts and asks it.
"""

import atexit
import contextlib
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

IMPORTED = (
    "faiss", "h5py", "matplotlib.figure", "mtkahypar", "pyarrow.parquet", "pymetis", "scipy.sparse",
    "sklearn.cluster", "sklearn.linear_model", "sklearn.neighbors", "timm", "torch",
    "ucls.backbones.timm_backbone", "ucls.cli.main", "ucls.extraction.tokens", "ucls.pipeline",
    "ucls.pretraining.loop", "ucls.report.plots.map_figure", "ucls.stages.pretrain",
    "ucls.stages.export", "ucls.training.trainer",
)  # fmt: skip
"""What takes long to import, and starts no threads by that."""
LIMIT = 60.0
"""Seconds after which a command hangs."""


class Ended(NamedTuple):
    """How a command came to its end."""

    code: int
    """What it exited with; negative, the signal that ended it."""
    said: str

    @property
    def last_line(self) -> str:
        return self.said.strip().rpartition("\n")[2]


class Running:
    """A command at work."""

    def __init__(self, server: "ForkServer", pid: int, output: Path) -> None:
        self._server, self.pid, self._output = server, pid, output

    def wait(self, seconds: float = LIMIT) -> Ended | None:
        """Waits for its end; None if it goes on after that time."""
        code = self._server.ask(wait=self.pid, seconds=seconds)["code"]
        if code is None:
            return None
        # A command that was killed at once has said nothing, and made no file to say it in.
        is_there = self._output.is_file()
        return Ended(code, self._output.read_text(errors="replace") if is_there else "")

    def kill(self, number: signal.Signals) -> Ended:
        """Sends a signal, and another that cannot be ignored if that does not end it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
        ended = self.wait()
        if ended is not None:
            return ended
        os.kill(self.pid, signal.SIGKILL)
        self.wait()
        raise AssertionError(f"goes on after {number.name}: {self._output.read_text()}")

    def family(self) -> list[int]:
        """Processes of its session that are still there, such as its workers."""
        return [
            int(stat.parent.name)
            for stat in Path("/proc").glob("[0-9]*/stat")
            if (fields := _fields(stat)) and fields[3] == str(self.pid) and fields[0] != "Z"
        ]


def _fields(stat: Path) -> list[str]:
    """What the system says of a process, from its state on; nothing once it is gone."""
    with contextlib.suppress(OSError):
        return stat.read_text().rpartition(")")[2].split()
    return []


class ForkServer:
    """A context manager.

    Args:
        preload: a library that the commands are to be loaded with.
    """

    def __init__(self, preload: Path | None = None) -> None:
        self._preload = preload

    def __enter__(self) -> Self:
        ours, theirs = socket.socketpair()
        self._channel = ours.makefile("rw")
        env = os.environ | {"OMP_NUM_THREADS": "1"}
        if self._preload is not None:
            env["LD_PRELOAD"] = str(self._preload)
        command = [sys.executable, __file__, str(theirs.fileno())]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=env)
        theirs.close()
        ours.close()
        assert self.ask(hello=True)["ready"]
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        self._process.wait()

    def ask(self, **request: Any) -> Any:
        self._channel.write(json.dumps(request) + "\n")
        self._channel.flush()
        return json.loads(self._channel.readline())

    def start(
        self, arguments: Sequence[object], *, cwd: Path, env: Mapping[str, str] | None = None
    ) -> Running:
        """Starts ``ucls`` with these arguments in a folder."""
        self._count = getattr(self, "_count", 0) + 1
        output = cwd.parent / f"said-{self._count % 10}"
        output.unlink(missing_ok=True)
        answer = self.ask(
            argv=[*map(str, arguments)], cwd=str(cwd), env=dict(env or {}), output=str(output)
        )
        return Running(self, answer["pid"], output)

    def run(
        self, arguments: Sequence[object], *, cwd: Path, env: Mapping[str, str] | None = None
    ) -> Ended:
        """Runs a command to its end.

        Raises:
            AssertionError: if it hangs.
        """
        running = self.start(arguments, cwd=cwd, env=env)
        ended = running.wait()
        if ended is None:
            ended = running.kill(signal.SIGKILL)
            raise AssertionError(f"ucls {' '.join(map(str, arguments))} hangs: {ended.said}")
        return ended


def serve(channel: Any) -> None:
    """Answers requests; returns in each forked child, which is to run a command."""
    for line in channel:
        request = json.loads(line)
        if "argv" in request:
            pid = os.fork()
            if pid == 0:
                become(request)
                return
            answer = {"pid": pid}
        elif "wait" in request:
            answer = {"code": wait(request["wait"], request["seconds"])}
        else:
            answer = {"ready": True}
        channel.write(json.dumps(answer) + "\n")
        channel.flush()
    os._exit(0)


def wait(pid: int, seconds: float) -> int | None:
    """How a child ended; None if it goes on after that time."""
    descriptor = os.pidfd_open(pid)
    try:
        if not select.select([descriptor], [], [], seconds)[0]:
            return None
    finally:
        os.close(descriptor)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def become(request: dict[str, Any]) -> None:
    """Makes a forked child what the shell would start."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["cwd"])
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(request["env"])
    sys.argv = ["ucls", *request["argv"]]


def end(code: int) -> None:
    """Ends a child as Python does, but does not take all modules apart, which takes seconds."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


if __name__ == "__main__":
    import importlib

    for module in IMPORTED:
        importlib.import_module(module)
    import torch

    torch.set_num_threads(1)
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])).makefile("rw"))
    from ucls.cli.main import main

    try:
        main()
    except SystemExit as stopped:
        end(int(stopped.code or 0))
    except KeyboardInterrupt:  # before the command has begun
        end(130)
    finally:
        traceback.print_exc()
        end(1)
