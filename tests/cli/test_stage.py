from pathlib import Path

from tests.conftest import Cli
from ucls.cache import RunFolder, read_assignments, read_graph, read_merges


def test_neighbors_settings_and_the_next_command(cli: Cli, run_path: Path) -> None:
    outcome = cli("neighbors", run_path, "--set", "neighbors.k=5", "--quiet")
    target = run_path / "neighbors.h5"
    assert outcome == (0, f"{target}\nnext: ucls train {run_path}\n", "")
    assert read_graph(target).k == 5


def test_neighbors_settings_of_a_file(cli: Cli, run_path: Path, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[neighbors]\nk = 6\ncap = 9\n")
    cli("neighbors", run_path, "--config", tmp_path / "a.toml")
    graph = read_graph(run_path / "neighbors.h5")
    assert (graph.k, graph.cap) == (6, 9)


def test_train_settings_and_the_next_command(cli: Cli, run_path: Path) -> None:
    outcome = cli("train", run_path, "--set", "train.n_heads=2", "--seed", 4)
    target = run_path / "assignments.h5"
    assert outcome.out == f"{target}\nnext: ucls merge {run_path}\n"
    assert len(read_assignments(target).loss) == 2
    assert "train: 2 heads, 3 of 3 epochs" in outcome.err


def test_train_done_before(cli: Cli, run_path: Path) -> None:
    assert cli("train", run_path).err == "train: done before with these settings, skipped\n"
    assert "skipped" not in cli("train", run_path, "--overwrite").err


def test_train_another_objective_with_its_settings(cli: Cli, run_path: Path) -> None:
    options = ["--objective", "uic", "--set", "train.fixed_share=0.5"]
    assert cli("train", run_path, *options).exit_code == 0
    train = RunFolder(run_path).read_config()["train"]
    assert (train["objective"], train["fixed_share"]) == ("uic", 0.5)
    assert "beta" not in train
    assert cli("train", run_path, *options).err.endswith("these settings, skipped\n")


def test_train_settings_that_have_no_part_in_the_objective(cli: Cli, run_path: Path) -> None:
    before = (run_path / "run.json").read_bytes()
    outcome = cli("train", run_path, "--objective", "turtle", "--set", "train.hidden_dim=64")
    assert (outcome.exit_code, outcome.out) == (2, "")
    assert "hidden_dim has no part in the objective turtle, it is used by ucls" in outcome.err
    assert (run_path / "run.json").read_bytes() == before


def test_merge_settings_and_the_next_command(cli: Cli, run_path: Path) -> None:
    outcome = cli("merge", run_path, "--set", "merge.linkage=average")
    target = run_path / "merges.h5"
    assert outcome.exit_code == 0
    assert outcome.out == f"{target}\nnext: ucls ensemble {run_path}\n"
    assert read_merges(target).linkage == "average"
    assert "merge: 6 heads of 8 clusters to 4 by average linkage" in outcome.err.splitlines()


def test_merge_settings_from_a_file(cli: Cli, run_path: Path, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[merge]\nlinkage = 'average'\n")
    assert cli("merge", run_path, "--config", tmp_path / "a.toml").exit_code == 0
    assert read_merges(run_path / "merges.h5").linkage == "average"


def test_merge_done_before(cli: Cli, run_path: Path) -> None:
    assert cli("merge", run_path).err == "merge: done before with these settings, skipped\n"
    assert "skipped" not in cli("merge", run_path, "--overwrite").err
    assert cli("merge", run_path, "--overwrite", "--quiet").err == ""


def test_merge_without_merging_it_says_so(cli: Cli, run_path: Path) -> None:
    settings = ["--set", "train.scales=[1]", "--set", "merge.linkage=none"]
    assert cli("train", run_path, *settings).exit_code == 0
    outcome = cli("merge", run_path)
    assert outcome.out == f"{run_path / 'assignments.h5'}\nnext: ucls ensemble {run_path}\n"
    assert outcome.err.startswith("merge: ")
    assert "merges.h5" not in outcome.err


def test_merge_bad_settings(cli: Cli, run_path: Path) -> None:
    for setting, part in (
        ("merge.linkage=ward", "merge.linkage: "),
        ("train.epochs=2", "would change the stage train"),
        ("extract.views=2", "would change the features"),
    ):
        outcome = cli("merge", run_path, "--set", setting)
        assert (outcome.exit_code, outcome.out) == (2, "")
        assert outcome.err.startswith("ucls: error: ")
        assert part in outcome.err


def test_self_train_labels_and_the_next_command(cli: Cli, run_path: Path) -> None:
    before = (run_path / "labels.csv").read_bytes()
    (run_path / "labels.csv").unlink()
    outcome = cli("self-train", run_path)
    assert outcome.exit_code == 0
    assert outcome.out == f"{run_path / 'labels.csv'}\nnext: ucls evaluate {run_path}\n"
    assert "self-train: chose heads at learning rate " in outcome.err
    assert (run_path / "labels.csv").read_bytes() == before


def test_a_stage_has_only_the_options_that_have_a_part_in_it(cli: Cli) -> None:
    assert "No such option: --seed" in cli("merge", "x", "--seed", 1).err
    assert "No such option: --objective" in cli("neighbors", "x", "--objective", "scan").err
