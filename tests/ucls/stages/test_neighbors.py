from pathlib import Path

import pytest

from tests.conftest import Lines
from ucls.cache import RunFolder, read_graph
from ucls.errors import UclsError, UsageError
from ucls.runs.run import Run
from ucls.stages.ensemble import ensemble
from ucls.stages.neighbors import neighbors
from ucls.stages.train import train


def test_the_graph_of_the_training_images(run_path: Path) -> None:
    (run_path / "neighbors.h5").unlink()
    graph = read_graph(neighbors(run_path))
    assert len(graph.indptr) - 1 == 120
    assert (graph.k, graph.cap, graph.exact) == (3, 30, True)
    counts = graph.indptr[1:] - graph.indptr[:-1]
    assert counts.min() >= 3
    assert counts.max() <= 30


def test_rerun_skips_and_says_so(run_path: Path, lines: Lines) -> None:
    before = (run_path / "neighbors.h5").stat().st_mtime_ns
    neighbors(run_path, reporter=lines)
    assert lines.said == ["neighbors: done before with these settings, skipped"]
    assert (run_path / "neighbors.h5").stat().st_mtime_ns == before


def test_changed_settings_stay_and_make_later_stages_ask(run_path: Path, lines: Lines) -> None:
    path = neighbors(run_path, settings={"neighbors.k": 7}, reporter=lines)
    assert read_graph(path).k == 7
    assert "the 7 nearest" in lines.said[1]
    assert RunFolder(run_path).read_config()["neighbors"]["k"] == 7
    neighbors(run_path, reporter=lines)  # the setting is the run's own by now
    assert "skipped" in lines.said[-1]
    assert read_graph(path).k == 7


def test_later_stages_do_not_change_the_settings_of_earlier_ones(run_path: Path) -> None:
    train(run_path, settings={"neighbors.k": 3})
    before = (run_path / "config.toml").read_bytes()
    with pytest.raises(UsageError, match=r"neighbors.k would change the stage neighbors, .* done"):
        train(run_path, settings={"neighbors.k": 7})
    with pytest.raises(UsageError, match=r"seed would change the stage train, .* ucls train "):
        ensemble(run_path, settings={"seed": 7})
    assert (run_path / "config.toml").read_bytes() == before
    assert Run(run_path).freshness.is_done("train")


def test_later_stages_do_not_use_an_old_graph(run_path: Path) -> None:
    (run_path / "neighbors.h5").unlink()
    with pytest.raises(UclsError, match=r"stage neighbors .* lost a file; run first: ucls "):
        train(run_path)


def test_overwrite_does_it_again(run_path: Path, lines: Lines) -> None:
    before = (run_path / "neighbors.h5").stat().st_mtime_ns
    neighbors(run_path, overwrite=True, reporter=lines)
    assert "per image" in lines.said[1]
    assert (run_path / "neighbors.h5").stat().st_mtime_ns > before


def test_a_lost_file_is_made_again(run_path: Path) -> None:
    (run_path / "neighbors.h5").unlink()
    with pytest.raises(UclsError, match=r"neighbors .* has lost a file; .*: ucls neighbors "):
        train(run_path)
    assert neighbors(run_path).is_file()


def test_more_neighbors_than_images(run_path: Path) -> None:
    with pytest.raises(UsageError, match="120"):
        neighbors(run_path, settings={"neighbors.k": 120})


def test_an_unknown_setting(run_path: Path) -> None:
    before = (run_path / "run.json").read_bytes()
    with pytest.raises(UsageError, match=r"neighbors\.q: no such setting; did you mean"):
        neighbors(run_path, settings={"neighbors.q": 7})
    assert (run_path / "run.json").read_bytes() == before


def test_features_on_disk_have_the_same_neighbors(run_path: Path, lines: Lines) -> None:
    files = ("neighbors.h5", "preparation.safetensors")
    before = [(run_path / name).read_bytes() for name in files]
    neighbors(run_path, settings={"features_in": "disk"}, overwrite=True, reporter=lines)
    assert [(run_path / name).read_bytes() for name in files] == before
    assert lines.said[0] == (
        "neighbors: features stay on disk, as asked for; they are read once for every 32,768 images"
    )


@pytest.mark.slow
def test_several_spaces_on_disk_have_the_same_neighbors(two_space_run_path: Path) -> None:
    files = ("neighbors.h5", "preparation.safetensors")
    before = [(two_space_run_path / name).read_bytes() for name in files]
    neighbors(two_space_run_path, settings={"features_in": "disk"}, overwrite=True)
    assert [(two_space_run_path / name).read_bytes() for name in files] == before


def test_approximate_search_is_told_and_kept(run_path: Path, lines: Lines) -> None:
    path = neighbors(run_path, settings={"neighbors.search": "approximate"}, reporter=lines)
    graph = read_graph(path)
    assert (graph.exact, graph.backend) == (False, "faiss-ivf")
    assert graph.recall is not None
    assert graph.recall >= 0.95
    told = f"neighbors: approximate search finds {graph.recall:.1%} of the 3 nearest"
    assert told in lines.said
    assert not Run(run_path).freshness.is_done("train")


@pytest.mark.parametrize(("seconds", "exact"), [(14.0, True), (16.0, False)])
def test_search_is_approximate_where_exact_search_would_take_too_long(
    run_path: Path, lines: Lines, seconds: float, exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ucls.neighbors.approximate.exact_seconds", lambda *_: seconds)
    folder = RunFolder(run_path)
    folder.update(data={**folder.record["data"], "time_limit": "1m"})
    graph = read_graph(neighbors(run_path, overwrite=True, reporter=lines))
    assert graph.exact is exact
    assert (graph.recall is None) is exact
    told = "neighbors: exact search would take about 16 s, more than a quarter of the time limit 1m"
    assert (told in lines.said) is not exact
