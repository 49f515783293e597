from pathlib import Path

from tests.conftest import Cli


def test_the_table_and_where_all_figures_are(cli: Cli, run_path: Path) -> None:
    outcome = cli("evaluate", run_path, "--overwrite", "--quiet")
    assert (outcome.exit_code, outcome.err) == (0, "")
    assert outcome.out.startswith("blobs, 4 clusters, seed 0")
    assert outcome.out.endswith(f"\nall figures: {run_path / 'metrics.json'}\n")


def test_settings(cli: Cli, run_path: Path) -> None:
    assert "linear probe" in cli("evaluate", run_path).out
    outcome = cli("evaluate", run_path, "--set", "evaluate.upper_bounds=false")
    assert "linear probe" not in outcome.out
