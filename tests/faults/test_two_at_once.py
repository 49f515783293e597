"""Two commands at one run, or at one cache, at the same time."""

import random

import pytest
from disturbed_commands import BY_NAME, NEW_RUN, Command
from disturbed_world import World
from fault_checks import check_told, go_on
from fork_server import Ended

PAIRS = {
    "one run twice": ("run", NEW_RUN),
    "one cache": ("run", NEW_RUN.replace("--out run", "--out other")),
    "one extraction": ("vit", BY_NAME["vit"].line),
    "the stage before": ("merge", "train run --overwrite"),
    "the stage after": ("train", "merge run"),
    "one stage twice": ("self-train", "self-train run"),
    "two consensuses": ("ensemble-all", "ensemble run --method vote"),
    "new settings": ("evaluate", "self-train run --set self_train.iterations=41"),
}
LAST = {"new settings": "evaluate run"}
"""What brings a run to its end after both, where that is not ``run`` itself."""
pytestmark = pytest.mark.slow


def both(world: World, first: Command, line: str, chance: random.Random) -> list[Ended]:
    """Runs two commands that begin at nearly the same moment."""
    seconds = world.undisturbed(first).seconds
    running = [world.start(first.line)]
    early = running[0].wait(chance.uniform(0, 0.8 * seconds))
    running.append(world.start(line))
    ended = [early or running[0].wait(), running[1].wait()]
    assert None not in ended, "one waits for ever"
    return [one for one in ended if one is not None]


@pytest.mark.parametrize("name", PAIRS)
def test_one_waits_or_says_so_and_nothing_is_lost(
    name: str, world: World, chance: random.Random, request: pytest.FixtureRequest
) -> None:
    first, line = BY_NAME[PAIRS[name][0]], PAIRS[name][1]
    for _ in range(request.config.getoption("--kills")):
        for ended in both(world, first, line, chance):
            if ended.code != 0:
                check_told(ended)
        if line in (first.line, NEW_RUN):
            go_on(world, first, world.known(first))
        else:
            world.contents()
            for again in (line, first.line):
                ended = world.run(again)
                if ended.code != 0:  # the other has made it stale
                    check_told(ended)
            world.continued(LAST.get(name, NEW_RUN))
