"""Every command meets calls of the system that fail: full disks, broken disks, missing rights."""

import errno
import os
import random
import subprocess
from collections.abc import Iterator

import pytest
from disturbed_commands import COMMANDS, READING, Command
from disturbed_world import World
from fault_checks import check_same, check_told, check_whole, go_on

LASTING = {errno.ENOSPC, errno.EROFS, errno.EACCES}
FAILURES = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS)
WITHOUT_REPORT = "no report: "
"""What a run says that is whole but for its page."""
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_writing_that_fails_is_told_and_made_up_for(
    world: World, command: Command, chance: random.Random, request: pytest.FixtureRequest
) -> None:
    known = world.undisturbed(command)
    for _ in range(max(1, request.config.getoption("--kills") // 2) if known.calls else 0):
        failure, at = chance.choice(FAILURES), chance.randint(1, len(known.calls))
        lasts = {"FAULT_LASTS": 1} if failure in LASTING else {}
        ended = world.run(command.line, FAULT_AT=at, FAULT_ERRNO=failure, **lasts)
        if ended.code != 0:
            where = f"{os.strerror(failure)} in {known.calls[at - 1]}: "
            ended = ended._replace(said=where + "\n" + ended.said)
            check_told(ended)
            check_whole(world, known)
        go_on(world, command, known)
        world.restore(known.before)


@pytest.mark.parametrize("command", READING, ids=lambda command: command.name)
def test_reading_that_fails_is_told(
    world: World, command: Command, chance: random.Random, request: pytest.FixtureRequest
) -> None:
    known = world.undisturbed(command)
    log = world.path.parent / "reads"
    log.unlink(missing_ok=True)
    world.run(command.line, FAULT_LOG=log, FAULT_READS=1)
    n_calls = len(log.read_text().splitlines())
    for _ in range(request.config.getoption("--kills")):
        world.restore(known.before)
        failure, at = chance.choice([errno.EIO, errno.EACCES]), chance.randint(1, n_calls)
        ended = world.run(command.line, FAULT_READS=1, FAULT_AT=at, FAULT_ERRNO=failure)
        if ended.code != 0:
            check_told(ended)
        elif WITHOUT_REPORT not in ended.said:
            check_same(world.contents(), known.after)
            continue
        check_whole(world, known)
        go_on(world, command, known)


@pytest.fixture
def small_disk(world: World) -> Iterator[str]:
    """A disk of 200 kB in place of the run; what it is enlarged by."""
    folder = world.path / "run"
    world.restore(world.undisturbed(COMMANDS[0]).before)
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        folder.rmdir()
        pytest.skip("a small disk needs the right to mount one")
    yield f"mount -o remount,size=20m {folder}"
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_full_and_then_is_not(world: World, small_disk: str) -> None:
    command = COMMANDS[0]
    known = world.known(command)
    ended = world.run(command.line)
    check_told(ended)
    assert "make room" in ended.last_line
    subprocess.run(small_disk.split(), check=True)
    go_on(world, command, known)
