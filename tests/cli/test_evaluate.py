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


def test_superclasses_are_a_table_of_their_own(cli: Cli, run_path: Path, tmp_path: Path) -> None:
    (tmp_path / "h.tsv").write_text("class\thalf\n0\ta\n1\ta\n2\tb\n3\tb\n")
    outcome = cli("evaluate", run_path, "--hierarchy", tmp_path / "h.tsv")
    assert "self-training, val, against superclasses" in outcome.out
    assert "each cluster stands for a class" in outcome.out
    wrong = cli("evaluate", run_path, "--hierarchy", tmp_path)
    assert (wrong.exit_code, wrong.err.count("\n")) == (2, 1)
    assert "class_hierarchy.txt" in wrong.err
