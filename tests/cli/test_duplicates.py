from pathlib import Path

from tests.conftest import Cli


def test_it_says_how_many_and_by_which_threshold(cli: Cli, run_path: Path) -> None:
    outcome = cli("duplicates", run_path, "--threshold", 0.99)
    assert outcome.exit_code == 0
    assert "similarity 0.9900 or more, as given" in outcome.out
    assert outcome.out.endswith(f"which they are: {run_path / 'duplicates.csv'}\n")
    assert "do not reach by chance" in cli("duplicates", run_path).out


def test_a_threshold_beyond_one_is_an_error(cli: Cli, run_path: Path) -> None:
    outcome = cli("duplicates", run_path, "--threshold", 98)
    assert outcome.exit_code == 2
    assert "above 0 and up to 1, not 98" in outcome.err
