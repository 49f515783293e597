"""Runs that were moved or renamed, and clocks that are wrong."""

import random
import signal

import pytest
from disturbed_commands import BY_NAME
from disturbed_world import World
from fault_checks import check_same, go_on

YEARS = 10 * 365 * 86_400
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("place", ["renamed", "deeper/down/run", "run with\nnew line"])
def test_a_run_goes_on_elsewhere(world: World, place: str) -> None:
    known = world.undisturbed(BY_NAME["predict"])
    target = world.path / place
    target.parent.mkdir(parents=True, exist_ok=True)
    (world.path / "run").rename(target)
    for line in ("predict {} blobs-val.npz --out new.csv", "evaluate {} --overwrite", "report {}"):
        ended = world.run(line.format(f"'{place}'"))
        assert ended.code == 0, ended
    (target / "report.html").unlink()
    target.rename(world.path / "run")
    check_same(world.contents(), known.after)


def test_secrets_of_the_environment_are_written_nowhere(world: World) -> None:
    secret = "hunter2-is-no-secret-any-more"
    world.before(BY_NAME["run"])
    told = {"HF_TOKEN": secret, "AWS_SECRET_ACCESS_KEY": secret, "MY_PASSWORD": secret}
    for line in (BY_NAME["run"].line, "report run", "plot run", "export run --out labels.json"):
        ended = world.run(line, **told)
        assert ended.code == 0, ended
        assert secret not in ended.said
    files = [path for path in world.path.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert not [path for path in files if secret.encode() in path.read_bytes()]


@pytest.mark.parametrize("wrong_by", [YEARS, -YEARS])
def test_a_wrong_clock_changes_nothing(world: World, wrong_by: int, chance: random.Random) -> None:
    command = BY_NAME["run"]
    known = world.undisturbed(command)
    running = world.start(command.line)
    if running.wait(chance.uniform(0.3, 0.9) * known.seconds) is None:
        running.kill(signal.SIGKILL)
    ended = world.run(command.line, FAULT_CLOCK=wrong_by)
    assert ended.code == 0, ended
    go_on(world, command, known)
