import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.conftest import Lines
from tests.ucls.runs.consensus_files import chosen, entries, merged_heads, names, voters
from ucls.cache import read_assignments
from ucls.ensemble import consensus
from ucls.errors import UclsError, UsageError
from ucls.runs.run import Run
from ucls.stages.ensemble import ensemble
from ucls.stages.evaluate import evaluate
from ucls.stages.merge import merge
from ucls.stages.self_train import self_train
from ucls.stages.train import train


def test_the_runs_own_consensus(run_path: Path, lines: Lines) -> None:
    entry = ensemble(run_path, overwrite=True, reporter=lines)
    assert (entry.name, entry.method, entry.heads) == ("mcla", "mcla", (0, 1, 2, 3, 4, 5))
    assert lines.said[0] == "ensemble: heads 0-5, all 6 there are to choose from"
    assert "ensemble: mcla of 6 heads in" in lines.said[-1]
    voting = {"train": voters(run_path, range(6)), "val": merged_heads(run_path).labels["val"]}
    for split, labels in entry.labels.items():
        np.testing.assert_array_equal(labels, consensus(voting[split], 4).labels)
    told = "ensemble: clusters look about equal in size, so 24 partitions of the neighbour graph "
    assert [line for line in lines.said if line.startswith(told)]
    assert set(entry.labels) == {"train", "val"}


def test_empty_clusters_are_warned_of(
    run_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the consensus, and of the classifier that learns from it."""
    heads = merged_heads(run_path)
    for labels in heads.labels.values():
        labels[:] = np.minimum(labels[0], 2)
    monkeypatch.setattr("ucls.stages.ensemble.heads_of", lambda _: heads)
    monkeypatch.setattr("ucls.merging.partitions.PER_HEAD", 0)
    ensemble(run_path, variant={"method": "all"}, overwrite=True, reporter=lines)
    ensemble(run_path, overwrite=True, reporter=lines)
    self_train(run_path, overwrite=True, reporter=lines)
    told = [line for line in lines.said if line.startswith("WARNING: ")]
    by_split = [f"WARNING: ensemble ({s}): 1 of 4 clusters are empty" for s in ("train", "val")]
    assert told[:4] == [*by_split, *by_split]
    assert all(line.startswith("WARNING: self-train: 1 of 4 clusters are") for line in told[4:])
    filled = "self-train: 1 cluster was empty: "
    assert [line for line in lines.said if line.startswith(filled)]
    with (run_path / "labels.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    assert {row["cluster"] for row in rows} == {"0", "1", "2", "3"}


def test_settings_and_seed_lie_beside_the_result(run_path: Path) -> None:
    ensemble(run_path, variant={"method": "hbgf", "heads": "best:2", "imbalance": 0.5})
    entry = entries(run_path)["hbgf[best:2,imbalance=0.5]"]
    assert entry.settings == {
        "method": "hbgf", "heads": "best:2", "drop_collapsed": True, "weights": "equal",
        "keep_k": False, "imbalance": 0.5,
    }  # fmt: skip
    assert entry.seed == 0
    assert set(entry.seconds) == set(entry.anmi) == {"train", "val"}


def test_rerun_skips_says_so_and_returns_the_entry(run_path: Path, lines: Lines) -> None:
    entry = ensemble(run_path, reporter=lines)
    assert lines.said == ["ensemble: done before with these settings, skipped"]
    assert entry.name == "mcla"


@pytest.mark.parametrize("variant", [{"method": "vote"}, {"method": "all"}])
def test_what_is_there_is_not_made_again(
    run_path: Path, lines: Lines, variant: dict[str, Any]
) -> None:
    first = ensemble(run_path, variant=variant)
    before = (run_path / "consensus.h5").read_bytes()
    again = ensemble(run_path, variant=variant, reporter=lines)
    assert lines.said == [f"ensemble: {first.name} is there with these settings, not made again"]
    assert again.name == first.name
    assert (run_path / "consensus.h5").read_bytes() == before
    ensemble(run_path, variant=variant, overwrite=True, reporter=lines)
    assert " heads in " in "".join(lines.said[1:])
    np.testing.assert_array_equal(
        entries(run_path)[first.name].labels["train"], first.labels["train"]
    )


def test_another_method_lies_beside_the_chosen_one(run_path: Path) -> None:
    before = Run(run_path).consensuses.chosen()
    entry = ensemble(run_path, variant={"method": "vote", "heads": "0-2,4"})
    assert (entry.name, entry.heads) == ("vote[0-2,4]", (0, 1, 2, 4))
    assert names(run_path) == ["mcla", "vote[0-2,4]"]
    assert chosen(run_path) == "mcla"
    np.testing.assert_array_equal(
        Run(run_path).consensuses.chosen().labels["train"], before.labels["train"]
    )
    assert Run(run_path).freshness.is_done("self-train")
    assert not Run(run_path).freshness.is_done("evaluate")


def test_choose_moves_the_choice_and_self_training_follows(run_path: Path, lines: Lines) -> None:
    ensemble(run_path, variant={"method": "vote", "heads": "5"}, choose=True)
    assert chosen(run_path) == "vote[5]"
    assert not Run(run_path).freshness.is_done("self-train")
    self_train(run_path, reporter=lines)
    assert "skipped" not in lines.said[0]
    ensemble(run_path, choose=True)
    assert chosen(run_path) == "mcla"
    ensemble(run_path, variant={"method": "vote", "heads": "5"}, choose=True)
    assert chosen(run_path) == "vote[5]"
    assert names(run_path) == ["mcla", "vote[5]"]


def test_heads_written_another_way_are_the_same_heads(run_path: Path, lines: Lines) -> None:
    ensemble(run_path, variant={"heads": "0-5"}, reporter=lines)
    ensemble(run_path, variant={"heads": "5,0-4"}, reporter=lines)
    assert all("skipped" in line for line in lines.said)
    ensemble(run_path, variant={"method": "vote", "heads": "0, 1, 2"})
    ensemble(run_path, variant={"method": "vote", "heads": "0-2"})
    assert names(run_path) == ["mcla", "vote[0-2]"]


def test_the_best_half_of_the_heads(run_path: Path, lines: Lines) -> None:
    loss = read_assignments(run_path / "assignments.h5").loss
    entry = ensemble(run_path, variant={"heads": "best"}, reporter=lines)
    assert entry.name == "mcla[best]"
    assert entry.heads == tuple(sorted(np.argsort(loss)[:3].tolist()))
    assert "with the lowest training loss" in lines.said[0]


def test_losses_compare_among_heads_of_the_same_size(run_path: Path) -> None:
    train(run_path, settings={"train.scales": [1, 3], "train.n_heads": 3})
    merge(run_path)
    with h5py.File(run_path / "assignments.h5", "r+") as file:
        del file.attrs["checksum"]
        file["loss"][:] = [3, 1, 2, -8, -7, -9]
    for heads, best in (("best:2", (1, 5)), ("best:3", (1, 2, 5))):
        variant = {"heads": heads, "drop_collapsed": False}
        assert ensemble(run_path, variant=variant).heads == best


def test_heads_nearest_to_the_others(run_path: Path, lines: Lines) -> None:
    entry = ensemble(run_path, variant={"heads": "anmi:2"}, reporter=lines)
    assert (entry.name, len(entry.heads)) == ("mcla[anmi:2]", 2)
    assert "the 2 of 6 with the highest mean NMI to the others" in lines.said[0]


def test_one_split_at_a_time(run_path: Path, lines: Lines) -> None:
    whole = ensemble(run_path, variant={"method": "hbgf"})
    (run_path / "consensus.h5").unlink()
    entry = ensemble(run_path, variant={"method": "hbgf"}, split="val", reporter=lines)
    assert list(entry.labels) == ["val"]
    assert lines.said[-2].endswith("on val")
    assert lines.said[-1].startswith("ensemble: none is chosen for self-training; run: ucls ")
    assert chosen(run_path) is None
    entry = ensemble(run_path, variant={"method": "hbgf"}, split="train")
    assert set(entry.labels) == {"train", "val"}
    for split, labels in whole.labels.items():
        np.testing.assert_array_equal(entries(run_path)["hbgf"].labels[split], labels)


def test_the_own_consensus_takes_the_splits_that_are_there(run_path: Path) -> None:
    (run_path / "consensus.h5").unlink()
    seconds = ensemble(run_path, split="val").seconds["val"]
    assert not Run(run_path).freshness.is_done("ensemble")
    entry = ensemble(run_path)
    assert entry.seconds["val"] == seconds
    assert (chosen(run_path), set(entry.labels)) == ("mcla", {"train", "val"})
    assert Run(run_path).freshness.is_done("ensemble")


def test_after_another_training_old_entries_are_gone(run_path: Path) -> None:
    ensemble(run_path, variant={"method": "vote"})
    train(run_path, settings={"train.epochs": 2})
    with pytest.raises(UclsError, match=r"merge .* has other settings; run first: ucls merge"):
        evaluate(run_path)
    merge(run_path)
    with pytest.raises(UclsError, match="has no consensus of its heads; run first: ucls ensemble"):
        evaluate(run_path)
    ensemble(run_path)
    assert names(run_path) == ["mcla"]


def test_without_training_it_names_the_command(run_path: Path) -> None:
    (run_path / "assignments.h5").unlink()
    with pytest.raises(UclsError, match=f"run first: ucls train {run_path}"):
        ensemble(run_path)


def test_a_file_in_use_is_never_replaced(run_path: Path) -> None:
    before = (run_path / "consensus.h5").read_bytes()
    code = "import h5py, sys; f = h5py.File(sys.argv[1], 'r+'); print(flush=True); input()"
    command = [sys.executable, "-c", code, run_path / "consensus.h5"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(UsageError, match="open in another program"):
            ensemble(run_path, settings={"ensemble.method": "vote"}, overwrite=True)
        other.communicate(b"\n")
    assert (run_path / "consensus.h5").read_bytes() == before


def test_a_damaged_file_is_replaced_on_request(run_path: Path) -> None:
    (run_path / "consensus.h5").write_bytes(b"half")
    with pytest.raises(UsageError, match="run `ucls ensemble` with --overwrite"):
        ensemble(run_path)
    ensemble(run_path, overwrite=True)
    assert names(run_path) == ["mcla"]


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        ({"heads": "0-6"}, r"heads must be in 0\.\.5, got 6"),
        ({"heads": "1,1"}, "got 1 twice"),
        ({"heads": "3-1"}, "write 1-3"),
        ({"heads": "first"}, "numbers and ranges such as 0-4,7, but it is 'first'"),
        ({"heads": ""}, "numbers and ranges such as 0-4,7, but it is ''"),
        ({"heads": "best:0"}, "but it is 'best:0'"),
        ({"heads": "best:99"}, "asks for 99 heads, but there are 6: ask for 1 to 6"),
        ({"heads": "anmi:x"}, "but it is 'anmi:x'"),
        ({"method": "best"}, "ensemble.method: .*'mcla', 'vote', .* 'best'"),
        ({"colour": 1}, "ensemble.colour: no such setting"),
        ({"weights": "half"}, "ensemble.weights: .*'equal', 'agreement' or 'loss'"),
        ({"min_jaccard": 2}, "ensemble.min_jaccard"),
        ({"method": "hbgf", "imbalance": 0}, "ensemble.imbalance: .*greater than 0"),
        ({"imbalance": 1}, "no part in the method mcla, it is used by hbgf, cspa, hgpa, all"),
        ({"method": "vote", "revote": False}, "no part in the method vote, .* by mcla, all"),
        ({"method": "nmf", "min_jaccard": 0.1}, "no part in the method nmf"),
    ],
)  # fmt: skip
def test_bad_variants(run_path: Path, variant: dict[str, Any], message: str) -> None:
    before = (run_path / "consensus.h5").read_bytes()
    with pytest.raises(UsageError, match=message):
        ensemble(run_path, variant=variant)
    assert (run_path / "consensus.h5").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "test"}, "has no split 'test': choose one of train, val"),
        ({"split": "val", "choose": True}, "needs a consensus of train, .* of val alone"),
        ({"settings": {"ensemble.heads": "best:99"}}, "asks for 99 heads"),
    ],
)
def test_bad_options(run_path: Path, options: dict[str, Any], message: str) -> None:
    before = (run_path / "consensus.h5").read_bytes()
    with pytest.raises(UsageError, match=message):
        ensemble(run_path, variant={"method": "vote"}, **options)
    assert (run_path / "consensus.h5").read_bytes() == before


def test_an_entry_with_train_can_be_chosen_by_any_split(run_path: Path) -> None:
    ensemble(run_path, variant={"method": "vote"}, split="train")
    ensemble(run_path, variant={"method": "vote"}, split="val", choose=True)
    assert chosen(run_path) == "vote"
