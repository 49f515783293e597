"""Commands that run in real processes, in a world of their own, and what disturbs them."""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# For the modules beside this file, one of which is also run as a script.
sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:
    from disturbed_world import World
    from fork_server import ForkServer


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that disturbs; see ``shim.c``."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("calls are disturbed by a C library on Linux: there is no compiler here")
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    source = Path(__file__).with_name("shim.c")
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)
    return library


@pytest.fixture(scope="session")
def server(shim: Path) -> Iterator["ForkServer"]:
    from fork_server import ForkServer

    with ForkServer(shim) as started:
        yield started


@pytest.fixture(scope="session")
def world(server: "ForkServer", tmp_path_factory: pytest.TempPathFactory) -> "World":
    from disturbed_world import World

    return World(Path(os.path.realpath(tmp_path_factory.mktemp("faults"))) / "world", server)


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Random numbers of the test's own, by ``--fault-seed``."""
    return random.Random(f"{request.config.getoption('--fault-seed')} {request.node.name}")
