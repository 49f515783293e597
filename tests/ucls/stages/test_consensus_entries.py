from pathlib import Path

import h5py

from tests.ucls.stages.consensus_files import chosen, entries, names
from ucls.stages.consensus_entries import add_entries
from ucls.stages.ensemble import ensemble
from ucls.stages.evaluate import evaluate
from ucls.stages.run import Run


def test_a_changed_setting_is_the_runs_own_and_names_follow(run_path: Path) -> None:
    ensemble(run_path, variant={"heads": "0-2"})
    ensemble(run_path, settings={"ensemble.method": "vote", "ensemble.heads": "0-2"})
    assert chosen(run_path) == "vote"
    assert names(run_path) == ["mcla", "mcla[all]", "vote"]
    assert entries(run_path)["mcla"].heads == (0, 1, 2)
    assert Run(run_path).config.ensemble.method == "vote"
    assert not Run(run_path).is_done("self-train")


def test_entries_of_an_older_version_stay(run_path: Path) -> None:
    with h5py.File(run_path / "consensus.h5", "r+") as file:
        entry = file["entries/mcla"]
        file.move("entries/mcla", "entries/mcla[0-5]")
        file.attrs["chosen"] = "mcla[0-5]"
        entry.attrs["key"] = entry.attrs["key"].rpartition("-")[0] + "-older"
        del entry.attrs["settings"]
        del entry.attrs["seed"]
    assert not Run(run_path).is_done("ensemble")
    ensemble(run_path, variant={"method": "vote"})
    assert (names(run_path), chosen(run_path)) == (["mcla[0-5]", "vote"], "mcla[0-5]")
    evaluate(run_path)
    ensemble(run_path)
    assert (names(run_path), chosen(run_path)) == (["mcla", "mcla[0-5]", "vote"], "mcla")


def test_the_choice_stays_where_it_is_or_goes_with_its_entry(run_path: Path) -> None:
    made = entries(run_path)["mcla"]
    add_entries(Run(run_path), [made], chosen_key=None)
    assert chosen(run_path) == "mcla"
    add_entries(Run(run_path), [made], chosen_key="none of them")
    assert chosen(run_path) is None
    add_entries(Run(run_path), [made], chosen_key=made.key)
    assert chosen(run_path) == "mcla"


def test_an_older_entry_of_the_same_name_is_not_lost(run_path: Path) -> None:
    with h5py.File(run_path / "consensus.h5", "r+") as file:
        entry = file["entries/mcla"]
        entry.attrs["key"] = entry.attrs["key"].rpartition("-")[0] + "-older"
        del entry.attrs["settings"]
    ensemble(run_path, split="val")
    assert names(run_path) == ["mcla", "mcla[older]"]
    assert chosen(run_path) == "mcla[older]"
    assert set(entries(run_path)["mcla[older]"].labels) == {"train", "val"}
    assert set(entries(run_path)["mcla"].labels) == {"val"}
