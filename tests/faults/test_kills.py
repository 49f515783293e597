"""Every command is killed by real signals at random moments, and goes on to the same result."""

import random
import signal
import time

import pytest
from disturbed_commands import COMMANDS, Command
from disturbed_world import Undisturbed, World
from fault_checks import check_same, check_whole, go_on, is_over
from fork_server import Ended, Running

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
DEAD = {-signal.SIGKILL, -signal.SIGTERM}
KILLED = {*DEAD, 130}
AT_CALLS = 0.5
"""Share of the kills in the middle of a call that writes; the others come at any time."""
GOES_ON = 0.5
"""Share of the kills after which the command is let go on to its end."""


def wait_for_workers(running: Running) -> None:
    """Workers end with the process they work for; one that has just begun may take a moment."""
    for _ in range(40):
        if not running.family():
            return
        time.sleep(0.05)
    raise AssertionError("a worker outlives it")


def kill(world: World, command: Command, known: Undisturbed, chance: random.Random) -> Ended:
    """Starts a command and kills it, unless it ends before."""
    if known.calls and chance.random() < AT_CALLS:
        at = chance.randint(1, len(known.calls))
        return world.run(command.line, FAULT_AT=at, FAULT_ERRNO=0)
    running = world.start(command.line)
    ended = running.wait(chance.uniform(0, known.seconds))
    if ended is None:
        ended = running.kill(chance.choice(SIGNALS))
        wait_for_workers(running)
    return ended


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_killed_at_any_moment_it_goes_on_to_the_same_result(
    world: World, command: Command, chance: random.Random, request: pytest.FixtureRequest
) -> None:
    known = world.undisturbed(command)
    wanted, n_kills, n_starts = request.config.getoption("--kills"), 0, 0
    while n_kills < wanted and n_starts < 4 * wanted + 10:
        n_starts += 1
        ended = kill(world, command, known, chance)
        n_kills += ended.code != 0
        if ended.code == 0 or is_over(command, ended):
            check_same(world.contents(), known.after)
            world.restore(known.before)
            continue
        assert ended.code in KILLED, ended
        # A worker may still say that the process it worked for is gone.
        assert ended.code in DEAD or "Traceback" not in ended.said, ended.said
        check_whole(world, known)
        if chance.random() < GOES_ON:
            go_on(world, command, known)
            world.restore(known.before)
    go_on(world, command, known)
    assert n_kills >= wanted / 2
