import inspect

import pytest

from tests.conftest import Cli
from ucls.cli.verbosity import takes_verbosity


@pytest.mark.parametrize("flags", [["-v"], ["--verbose"], ["-qv"], ["-vq"], ["-q", "-v"]])
def test_the_traceback_comes_with_v(flags: list[str], cli: Cli) -> None:
    outcome = cli("run", "digits", "--seed", "-1", *flags)
    assert outcome.exit_code == 2
    assert outcome.err.startswith("Traceback (most recent call last)")
    assert outcome.err.splitlines()[-1].startswith("ucls: error: seed: ")


def test_what_one_command_was_asked_for_does_not_last(cli: Cli) -> None:
    assert "Traceback" in cli("run", "digits", "--seed", "-1", "-v").err
    assert "Traceback" not in cli("run", "digits", "--seed", "-1").err


def test_a_value_that_looks_like_a_flag_is_none(cli: Cli) -> None:
    outcome = cli("run", "-k", "1", "--", "-v")
    assert outcome.exit_code != 0
    assert "Traceback" not in outcome.err


def test_a_command_keeps_its_signature_and_gets_two_options() -> None:
    def command(run: str, *, seed: int = 0) -> tuple[str, int]:
        return run, seed

    wrapped = takes_verbosity(command)
    assert list(inspect.signature(wrapped).parameters) == ["run", "seed", "verbose", "quiet"]
    assert wrapped(run="a", seed=2, verbose=False, quiet=True) == ("a", 2)
