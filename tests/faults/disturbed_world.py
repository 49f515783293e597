"""A small world for commands to be disturbed in, and what they leave there undisturbed."""

import shlex
import shutil
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from disturbed_commands import BY_NAME, Command
from fork_server import Ended, ForkServer, Running
from PIL import Image
from tree_contents import Contents, contents

CORRECTIONS = """schema = 1
[[edits]]
do = "rename"
cluster = 0
name = "first"
[[edits]]
do = "move"
images = [1, 2]
into = 1
"""
N_MANY = 1_100


class Undisturbed(NamedTuple):
    """A command that nothing disturbs."""

    before: Path
    before_contents: Contents
    after: Contents
    seconds: float
    calls: list[str]
    """The calls that write, each with its path."""


class World:
    """A folder, always the same, in which commands are run.

    Args:
        path: of the folder.
        server: starts the commands.
    """

    def __init__(self, path: Path, server: ForkServer) -> None:
        self.path, self._server = path, server
        self._kept = path.parent / "kept"
        self._known: dict[str, Undisturbed] = {}
        _make(path)
        shutil.copytree(path, self._kept / "new", symlinks=True)

    def start(self, line: str, **env: object) -> Running:
        """Starts a command; see ``shim.c`` for the environment that disturbs it."""
        own = {"UCLS_CACHE": "cache", "FAULT_UNDER": str(self.path)}
        told = {name: str(value) for name, value in env.items()}
        return self._server.start(shlex.split(line), cwd=self.path, env=own | told)

    def run(self, line: str, **env: object) -> Ended:
        """Runs a command to its end."""
        ended = self.start(line, **env).wait()
        assert ended is not None, f"ucls {line} hangs"
        return ended

    def continued(self, line: str) -> Ended:
        """Runs a command that nothing disturbs, and that has to succeed."""
        ended = self.run(line)
        assert ended.code == 0, f"ucls {line}: {ended.said}"
        return ended

    def contents(self, *, finished: bool = True) -> Contents:
        return contents(self.path, finished=finished)

    def contents_but(self, name: str) -> Contents:
        """The contents without a file that is damaged, unless it was written anew."""
        (self.path / name).unlink(missing_ok=True)
        return self.contents()

    def restore(self, state: Path) -> None:
        """Makes the world what it was; its path stays, as runs know it."""
        shutil.rmtree(self.path)
        shutil.copytree(state, self.path, symlinks=True)

    def before(self, command: Command) -> Path:
        """Makes the world what it is before a command, and returns a copy of it."""
        if command.after is None:
            state = self._kept / "new"
        else:
            earlier = BY_NAME[command.after]
            state = self._kept / earlier.name
            if not state.is_dir():
                self.before(earlier)
                self.continued(earlier.line)
                shutil.copytree(self.path, state, symlinks=True)
        self.restore(state)
        return state

    def undisturbed(self, command: Command) -> Undisturbed:
        """What a command does, and leaves, where nothing disturbs it."""
        if command.name not in self._known:
            before, log = self.before(command), self.path.parent / "calls"
            found_before = self.contents()
            log.unlink(missing_ok=True)
            started = time.perf_counter()
            ended = self.run(command.line, FAULT_LOG=log)
            seconds = time.perf_counter() - started
            assert ended.code == 0, ended.said
            calls = log.read_text(errors="replace").splitlines() if log.exists() else []
            self._known[command.name] = Undisturbed(
                before, found_before, self.contents(), seconds, calls
            )
        self.restore(self._known[command.name].before)
        return self._known[command.name]

    def known(self, command: Command) -> Undisturbed:
        """What :meth:`undisturbed` found before; the world stays as it is."""
        return self._known[command.name]


def _make(path: Path) -> None:
    """Feature files, few photos, many small ones, and corrections."""
    path.mkdir()
    for name, n, seed in (("blobs", 80, 0), ("blobs-val", 40, 1)):
        rng = np.random.default_rng(seed)
        labels = rng.permutation(n) % 4
        features = 6 * np.eye(4, 8)[labels] + rng.normal(size=(n, 8))
        np.savez(path / f"{name}.npz", features=features.astype(np.float32), labels=labels)
    rng = np.random.default_rng(0)
    # The many are never changed, so they need not be copied with the world.
    for folder, n_images in ((path / "photos", 30), (path.parent / "many", N_MANY)):
        for row in range(n_images):
            file = folder / f"{row % 3}" / f"{row:04d}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 120, (8, 9, 3)) + 60 * (row % 3)
            Image.fromarray(pixels.astype(np.uint8)).save(file)
            if row % 71 == 70:
                file.write_bytes(b"")
    (path / "corrections.toml").write_text(CORRECTIONS)
