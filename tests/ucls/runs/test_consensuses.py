from pathlib import Path

import h5py
import pytest

from tests.ucls.runs.consensus_files import chosen, entries, names
from ucls.cache import read_consensus
from ucls.runs.run import Run
from ucls.stages.ensemble import ensemble
from ucls.stages.evaluate import evaluate


def test_a_changed_setting_is_the_runs_own_and_names_follow(run_path: Path) -> None:
    ensemble(run_path, variant={"heads": "0-2"})
    ensemble(run_path, settings={"ensemble.method": "vote", "ensemble.heads": "0-2"})
    assert chosen(run_path) == "vote"
    assert names(run_path) == ["mcla", "mcla[all]", "vote"]
    assert entries(run_path)["mcla"].heads == (0, 1, 2)
    assert Run(run_path).config.ensemble.method == "vote"
    assert not Run(run_path).freshness.is_done("self-train")


def test_entries_of_an_older_version_stay(run_path: Path) -> None:
    with h5py.File(run_path / "consensus.h5", "r+") as file:
        del file.attrs["checksum"]
        entry = file["entries/mcla"]
        file.move("entries/mcla", "entries/mcla[0-5]")
        file.attrs["chosen"] = "mcla[0-5]"
        entry.attrs["key"] = entry.attrs["key"].rpartition("-")[0] + "-older"
        del entry.attrs["settings"]
        del entry.attrs["seed"]
    assert not Run(run_path).freshness.is_done("ensemble")
    ensemble(run_path, variant={"method": "vote"})
    assert (names(run_path), chosen(run_path)) == (["mcla[0-5]", "vote"], "mcla[0-5]")
    evaluate(run_path)
    ensemble(run_path)
    assert (names(run_path), chosen(run_path)) == (["mcla", "mcla[0-5]", "vote"], "mcla")


def test_the_choice_stays_where_it_is_or_goes_with_its_entry(run_path: Path) -> None:
    made = entries(run_path)["mcla"]
    Run(run_path).consensuses.add([made], chosen_key=None)
    assert chosen(run_path) == "mcla"
    Run(run_path).consensuses.add([made], chosen_key="none of them")
    assert chosen(run_path) is None
    Run(run_path).consensuses.add([made], chosen_key=made.key)
    assert chosen(run_path) == "mcla"


def test_an_older_entry_of_the_same_name_is_not_lost(run_path: Path) -> None:
    with h5py.File(run_path / "consensus.h5", "r+") as file:
        del file.attrs["checksum"]
        entry = file["entries/mcla"]
        entry.attrs["key"] = entry.attrs["key"].rpartition("-")[0] + "-older"
        del entry.attrs["settings"]
    ensemble(run_path, split="val")
    assert names(run_path) == ["mcla", "mcla[older]"]
    assert chosen(run_path) == "mcla[older]"
    assert set(entries(run_path)["mcla[older]"].labels) == {"train", "val"}
    assert set(entries(run_path)["mcla"].labels) == {"val"}


def test_cuts_go_with_the_consensus(run_path: Path) -> None:
    """And nothing that a user gave a like name."""
    names = ("labels-k7.csv", "labels-k1000.csv", "labels-kept.csv", "labels-k7-mine.csv")
    cuts = [run_path / name for name in names]
    for cut in cuts:
        cut.touch()
    Run(run_path).consensuses.forget()
    assert [cut.exists() for cut in cuts] == [False, False, True, True]
    assert not (run_path / "consensus.h5").exists()
    assert Run(run_path).consensuses.entries() == {}


def test_the_file_is_read_once_for_each_change_of_it(
    run_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    monkeypatch.setattr(
        "ucls.runs.consensuses.read_consensus",
        lambda path: read.append(path) or read_consensus(path),
    )
    run = Run(run_path)
    assert run.freshness.is_done("evaluate")
    assert len(read) == 1
    ensemble(run_path, variant={"method": "vote"})
    read.clear()
    assert set(run.consensuses.entries()) == {"mcla", "vote"}
    assert run.consensuses.chosen().name == "mcla"
    assert len(read) == 1


def test_finding_a_consensus(run_path: Path) -> None:
    kept = ensemble(run_path, variant={"method": "all"})
    run = Run(run_path)
    for method, name in (("mcla", "mcla"), ("hbgf", "hbgf"), ("all", kept.name)):
        config = run.config.ensemble.model_copy(update={"method": method})
        found = run.consensuses.find(config)
        assert found is not None
        assert found.name == name
    other = run.config.ensemble.model_copy(update={"heads": "0-1"})
    assert run.consensuses.find(other) is None


def test_only_settings_that_have_a_part_change_the_key(run_path: Path) -> None:
    run = Run(run_path)
    own = run.config.ensemble
    unused = own.model_copy(update={"imbalance": 0.5})
    assert run.consensuses.key(unused) == run.consensuses.key(own)
    used = own.model_copy(update={"min_jaccard": 0.5})
    assert run.consensuses.key(used) != run.consensuses.key(own)
