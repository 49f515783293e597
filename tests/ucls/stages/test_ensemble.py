from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Lines
from ucls.cache import read_assignments, read_consensus
from ucls.ensemble import consensus
from ucls.errors import UclsError, UsageError
from ucls.stages.consensus_figures import compare_ensembles
from ucls.stages.ensemble import ensemble
from ucls.stages.run import Run
from ucls.stages.self_train import self_train
from ucls.stages.train import train


def chosen(path: Path) -> str | None:
    return read_consensus(path / "consensus.h5")[1]


def names(path: Path) -> list[str]:
    return sorted(read_consensus(path / "consensus.h5")[0])


def test_the_runs_own_consensus(run_path: Path, lines: Lines) -> None:
    entry = ensemble(run_path, overwrite=True, reporter=lines)
    assert (entry.name, entry.method, entry.heads) == ("mcla", "mcla", (0, 1, 2, 3, 4, 5))
    assert "ensemble: mcla of 6 heads in" in lines.said[-1]
    heads = read_assignments(run_path / "assignments.h5").labels
    for split, labels in entry.labels.items():
        np.testing.assert_array_equal(labels, consensus(heads[split], 4).labels)
    assert set(entry.labels) == {"train", "val"}


def test_rerun_skips_says_so_and_returns_the_entry(run_path: Path, lines: Lines) -> None:
    entry = ensemble(run_path, reporter=lines)
    assert lines.said == ["ensemble: done before with these settings, skipped"]
    assert entry.name == "mcla"


def test_another_method_lies_beside_the_chosen_one(run_path: Path) -> None:
    before = Run(run_path).chosen_consensus()
    entry = ensemble(run_path, method="vote", heads="0-2,4")
    assert (entry.name, entry.heads) == ("vote[0-2,4]", (0, 1, 2, 4))
    assert names(run_path) == ["mcla", "vote[0-2,4]"]
    assert chosen(run_path) == "mcla"
    np.testing.assert_array_equal(
        Run(run_path).chosen_consensus().labels["train"], before.labels["train"]
    )
    assert Run(run_path).is_done("self-train")
    assert not Run(run_path).is_done("evaluate")
    figures = compare_ensembles(run_path)
    assert {name: row["chosen"] for name, row in figures.items()} == {
        "mcla": True,
        "vote[0-2,4]": False,
    }


def test_choose_moves_the_choice_and_self_training_follows(run_path: Path, lines: Lines) -> None:
    ensemble(run_path, method="vote", heads="5", choose=True)
    assert chosen(run_path) == "vote[5]"
    assert not Run(run_path).is_done("self-train")
    self_train(run_path, reporter=lines)
    assert "skipped" not in lines.said[0]
    ensemble(run_path, choose=True)
    assert chosen(run_path) == "mcla"
    assert names(run_path) == ["mcla", "vote[5]"]


def test_heads_written_another_way_are_the_same_heads(run_path: Path, lines: Lines) -> None:
    ensemble(run_path, heads="0-5", reporter=lines)
    ensemble(run_path, heads="5,0-4", reporter=lines)
    assert all("skipped" in line for line in lines.said)
    ensemble(run_path)
    ensemble(run_path, method="vote", heads="0,1,2")
    ensemble(run_path, method="vote", heads="0-2")
    assert names(run_path) == ["mcla", "vote[0-2]"]


def test_the_best_half_of_the_heads(run_path: Path) -> None:
    loss = read_assignments(run_path / "assignments.h5").loss
    entry = ensemble(run_path, heads="best")
    assert entry.name.startswith("mcla[")
    assert len(entry.heads) == 3
    others = sorted(set(range(6)) - set(entry.heads))
    assert loss[list(entry.heads)].max() <= loss[others].min()


def test_a_changed_setting_is_the_runs_own(run_path: Path) -> None:
    ensemble(run_path, settings={"ensemble.method": "vote"})
    assert chosen(run_path) == "vote"
    assert Run(run_path).config.ensemble.method == "vote"
    assert not Run(run_path).is_done("self-train")


def test_after_another_training_old_entries_are_gone(run_path: Path) -> None:
    ensemble(run_path, method="vote")
    train(run_path, settings={"train.epochs": 2})
    with pytest.raises(UclsError, match="has no consensus of its heads; run first: ucls ensemble"):
        compare_ensembles(run_path)
    ensemble(run_path)
    assert names(run_path) == ["mcla"]


def test_without_training_it_names_the_command(run_path: Path) -> None:
    (run_path / "assignments.h5").unlink()
    with pytest.raises(UclsError, match=f"run first: ucls train {run_path}"):
        ensemble(run_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heads": "0-6"}, r"heads must be in 0\.\.5, got 6"),
        ({"heads": "1,1"}, "got 1 twice"),
        ({"heads": "3-1"}, "write 1-3"),
        ({"heads": "first"}, "'all' or numbers and ranges such as 0-4,7, got 'first'"),
        ({"heads": ""}, "'all' or numbers and ranges such as 0-4,7, got ''"),
        ({"method": "best"}, "ensemble.method: .*'mcla' or 'vote'.* 'best'"),
    ],
)
def test_bad_input(run_path: Path, options: dict[str, str], message: str) -> None:
    before = (run_path / "consensus.h5").read_bytes()
    with pytest.raises(UsageError, match=message):
        ensemble(run_path, **options)
    assert (run_path / "consensus.h5").read_bytes() == before
