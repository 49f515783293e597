"""Files that were cut off, or in which bytes have changed, since they were written."""

import random
from pathlib import Path

import pytest
from disturbed_commands import READING, Command
from disturbed_world import World
from fault_checks import check_told

BINARY = {".h5", ".safetensors"}
"""Files that tell whether their content is that which was written."""
pytestmark = pytest.mark.slow


def damage(path: Path, chance: random.Random) -> None:
    """Cuts a file off, or flips some of its bits."""
    content = bytearray(path.read_bytes())
    if chance.random() < 0.4:
        del content[chance.randrange(len(content)) :]
    else:
        for _ in range(chance.choice([1, 1, 4, 16])):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def damaged_files(world: World, command: Command) -> list[str]:
    folder = world.undisturbed(command).before
    return sorted(
        str(path.relative_to(folder))
        for name in ("run", "cache")
        for path in (folder / name).rglob("*")
        if path.is_file() and path.stat().st_size
    )


@pytest.mark.parametrize("command", READING, ids=lambda command: command.name)
def test_damage_is_told_or_has_no_effect(
    world: World, command: Command, chance: random.Random, request: pytest.FixtureRequest
) -> None:
    known, names = world.undisturbed(command), damaged_files(world, command)
    for _ in range(2 * request.config.getoption("--kills")):
        world.restore(known.before)
        name = chance.choice(names)
        damage(world.path / name, chance)
        ended = world.run(command.line)
        if ended.code != 0:
            check_told(ended._replace(said=f"{name}\n{ended.said}"))
        elif Path(name).suffix in BINARY and not name.startswith("cache"):
            found = world.contents_but(name)
            assert found == {key: known.after[key] for key in found}, name


def test_damaged_features_are_found(world: World, chance: random.Random) -> None:
    known = world.undisturbed(READING[0])
    (name,) = (name for name in damaged_files(world, READING[0]) if "blobs-train" in name)
    for _ in range(4):
        world.restore(known.before)
        damage(world.path / name, chance)
        if world.run("cache verify --all").code != 0:
            continue
        ended = world.run(READING[0].line)
        if ended.code != 0:  # they are sound, but no longer those of the run
            check_told(ended)
        else:  # what no reader looks at
            found = world.contents_but(name)
            assert found == {key: known.after[key] for key in found}
