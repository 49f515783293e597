"""What has to hold after a command was disturbed."""

from disturbed_commands import Command
from disturbed_world import Undisturbed, World
from fork_server import Ended
from tree_contents import Contents

REPLACED = {
    "run.json", "config.toml", "pretrain.json", "bench.json", "bench.safetensors", "plots.json",
}  # fmt: skip
"""Records that a command rewrites while it goes on, as ``bench`` does after every method."""


def check_whole(world: World, known: Undisturbed) -> None:
    """Whatever has its final name is that of before or of after."""
    before = known.before_contents
    for name, content in world.contents(finished=False).items():
        if name.rpartition("/")[2] not in REPLACED:
            assert content in (before.get(name), known.after.get(name)), f"{name} is neither"


def check_told(ended: Ended) -> None:
    """A command that could not go on said why in one line, in words of its own."""
    assert ended.code in (1, 2), ended
    assert "Traceback" not in ended.said, ended
    assert ended.last_line.startswith("ucls: error: "), ended
    assert "unexpected" not in ended.last_line, ended


def is_over(command: Command, ended: Ended) -> bool:
    """Whether a command says that it was killed after its last step."""
    return command.is_over is not None and command.is_over in ended.said


def go_on(world: World, command: Command, known: Undisturbed) -> None:
    """Starts a command that was stopped once more, undisturbed, and compares what it leaves."""
    ended = world.run(command.line)
    assert ended.code == 0 or is_over(command, ended), ended
    check_same(world.contents(), known.after)


def check_same(found: Contents, expected: Contents) -> None:
    """Names the files that differ, in place of all that they hold."""
    names = sorted(found.keys() | expected.keys())
    differing = [name for name in names if found.get(name) != expected.get(name)]
    assert not differing, f"{', '.join(differing)} differ"
