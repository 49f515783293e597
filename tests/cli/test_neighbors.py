from pathlib import Path

from tests.conftest import Cli
from ucls.cache import read_graph


def test_settings_and_the_next_command(cli: Cli, run_path: Path) -> None:
    outcome = cli("neighbors", run_path, "--set", "neighbors.k=5", "--quiet")
    target = run_path / "neighbors.h5"
    assert outcome == (0, f"{target}\nnext: ucls train {run_path}\n", "")
    assert read_graph(target).k == 5


def test_settings_of_a_file(cli: Cli, run_path: Path, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[neighbors]\nk = 6\ncap = 9\n")
    cli("neighbors", run_path, "--config", tmp_path / "a.toml")
    graph = read_graph(run_path / "neighbors.h5")
    assert (graph.k, graph.cap) == (6, 9)
