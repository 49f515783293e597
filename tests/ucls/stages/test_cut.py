import csv
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from tests.conftest import Lines
from ucls.cache import Assignments, RunFolder, read_assignments, read_merges
from ucls.ensemble import consensus
from ucls.errors import UclsError, UsageError
from ucls.runs.heads import merge_labels
from ucls.runs.labels import known_labels
from ucls.runs.run import Run
from ucls.stages.cut import cut
from ucls.stages.ensemble import ensemble
from ucls.stages.merge import merge
from ucls.stages.train import train


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


@pytest.fixture(scope="module")
def long_run(tmp_path_factory: pytest.TempPathFactory, shared_run: Path) -> Path:
    """A run whose heads fill twelve clusters each; tests only read it."""
    path = Path(shutil.copytree(shared_run, tmp_path_factory.mktemp("long") / "run"))
    train(path, settings={"train.scales": [3], "train.epochs": 60, "train.objective": "uic"})
    merge(path)
    ensemble(path)
    return path


@pytest.mark.parametrize("method", ["mcla", "vote", "hbgf"])
def test_at_the_runs_own_number_it_is_the_runs_consensus(run_path: Path, method: str) -> None:
    entry = ensemble(run_path, settings={"ensemble.method": method, "ensemble.heads": "1-4"})
    found = cut(run_path, 4).splits
    assert set(found) == {"train", "val"}
    assert adjusted_rand_score(found["train"].labels, entry.labels["train"]) == 1
    np.testing.assert_allclose(found["train"].confidence, entry.confidence["train"], atol=1e-3)


@pytest.mark.parametrize("options", [{"weights": "loss"}, {"min_jaccard": 0.9, "revote": False}])
def test_the_options_of_the_runs_consensus_hold_too(
    run_path: Path, options: dict[str, Any]
) -> None:
    settings = {f"ensemble.{name}": value for name, value in options.items()}
    entry = ensemble(run_path, settings=settings)
    found = cut(run_path, 4).splits["train"]
    assert adjusted_rand_score(found.labels, entry.labels["train"]) == 1
    np.testing.assert_allclose(found.confidence, entry.confidence["train"], atol=1e-3)


@pytest.mark.parametrize("n_clusters", [2, 3, 5, 8])
def test_it_cuts_the_tree_of_each_head_of_the_consensus(long_run: Path, n_clusters: int) -> None:
    trees = read_merges(long_run / "merges.h5").heads
    own = read_assignments(long_run / "assignments.h5").labels
    found = cut(long_run, n_clusters, out=long_run.parent / "cut.csv").splits
    heads = [trees[head].cut(n_clusters)[own["train"][head]] for head in range(6)]
    expected = consensus(np.stack(heads), n_clusters)
    assert adjusted_rand_score(found["train"].labels, expected.labels) == 1
    for result in found.values():
        assert 0 <= result.labels.min() <= result.labels.max() < n_clusters


def test_fewer_clusters_hold_the_classes_together_and_more_take_them_apart(long_run: Path) -> None:
    truth = known_labels(Run(long_run))["train"]
    out = long_run.parent / "cut.csv"
    coarse = cut(long_run, 2, out=out).splits["train"].labels
    assert sum(len(np.unique(coarse[truth == kind])) == 1 for kind in range(4)) >= 3
    fine = cut(long_run, 8, out=out)
    assert len(np.unique(fine.splits["train"].labels)) > 4
    assert fine.scores["train"]["acc_many_to_one"] > 0.9


def test_the_table(run_path: Path) -> None:
    found = cut(run_path, 3)
    assert found.path == run_path / "labels-k3.csv"
    rows = read(found.path)
    assert list(rows[0]) == ["path", "split", "cluster", "confidence"]
    assert [(row["path"], row["split"]) for row in rows] == [
        (row["path"], row["split"]) for row in read(run_path / "labels.csv")
    ]
    for split, result in found.splits.items():
        part = [row for row in rows if row["split"] == split]
        assert [int(row["cluster"]) for row in part] == result.labels.tolist()
        assert [row["confidence"] for row in part] == [f"{p:.4f}" for p in result.confidence]


@pytest.mark.parametrize("n_clusters", [3, 4])
def test_a_cluster_has_the_same_number_in_every_split(run_path: Path, n_clusters: int) -> None:
    """As in ``labels.csv``; the blobs of both splits lie at the same corners."""
    truth = known_labels(Run(run_path))
    found = cut(run_path, n_clusters).splits
    by_split = {
        split: [np.bincount(result.labels[truth[split] == kind]).argmax() for kind in range(4)]
        for split, result in found.items()
    }
    assert by_split["train"] == by_split["val"]


def test_scores_are_against_labels_where_these_are_known(run_path: Path) -> None:
    found = cut(run_path, 4)
    assert {"acc", "acc_class_mean", "nmi", "ari"} <= set(found.scores["train"])
    assert found.scores["train"]["acc"] > 0.9
    folder = RunFolder(run_path)
    folder.update(data={**folder.record["data"], "labels_key": None})
    (run_path / "truth.h5").unlink()
    assert cut(run_path, 4).scores == {"train": {}, "val": {}}


def test_nothing_else_in_the_run_changes(run_path: Path, tmp_path: Path) -> None:
    before = contents(run_path)
    cut(run_path, 3)
    after = contents(run_path)
    assert after.pop("labels-k3.csv")
    assert after == before
    cut(run_path, 2, out=tmp_path / "new" / "two.csv")
    assert len(read(tmp_path / "new" / "two.csv")) == 160
    assert not (run_path / "labels-k2.csv").exists()
    assert all(
        Run(run_path).freshness.is_done(stage) for stage in ("merge", "ensemble", "evaluate")
    )


def test_again_it_gives_the_same_table(run_path: Path) -> None:
    first = cut(run_path, 3).path.read_bytes()
    assert cut(run_path, 3).path.read_bytes() == first


@pytest.mark.parametrize("n_clusters", [-1, 0, 1, 9, 1000])
def test_numbers_that_cannot_be_cut_at(run_path: Path, n_clusters: int) -> None:
    most = min(head.n_filled for head in read_merges(run_path / "merges.h5").heads)
    message = (
        f"a cut must leave 2 to {most} clusters, as many as each head fills, not {n_clusters}: "
        "choose another -k"
    )
    with pytest.raises(UsageError, match=message):
        cut(run_path, n_clusters)
    assert list(run_path.glob("labels-k*")) == []


@pytest.mark.slow
def test_only_heads_of_the_consensus_have_to_have_as_many(run_path: Path) -> None:
    train(run_path, settings={"train.scales": [1, 3], "train.epochs": 40})
    merge(run_path)
    sizes = [head.n_filled for head in read_merges(run_path / "merges.h5").heads]
    most = min(sizes[6:])
    assert max(sizes[:6]) == 4 < most
    ensemble(run_path, settings={"ensemble.heads": "5-11"})
    with pytest.raises(UsageError, match="a cut must leave 2 to 4 clusters"):
        cut(run_path, most)
    ensemble(run_path, settings={"ensemble.heads": "6-11"})
    assert len(np.unique(cut(run_path, most).splits["train"].labels)) > 4
    with pytest.raises(UsageError, match=f"a cut must leave 2 to {most} clusters"):
        cut(run_path, most + 1)


def test_a_split_with_fewer_images_than_clusters_is_labelled_too(
    long_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = cut(long_run, 6, out=tmp_path / "whole.csv").splits["val"]

    def few(path: Path) -> Assignments:
        assignments = read_assignments(path)
        assignments.labels["val"] = assignments.labels["val"][:, :5]
        assignments.confidence["val"] = assignments.confidence["val"][:, :5]
        return assignments

    monkeypatch.setattr("ucls.stages.cut.read_assignments", few)
    monkeypatch.setattr("ucls.stages.cut.known_labels", lambda _: {})
    monkeypatch.setattr("ucls.stages.cut._rows", lambda *_: iter(()))
    part = cut(long_run, 6, out=tmp_path / "six.csv").splits["val"]
    np.testing.assert_array_equal(part.labels, whole.labels[:5])
    np.testing.assert_array_equal(part.confidence, whole.confidence[:5])


def test_without_merging_it_names_what_to_do_and_that_works(run_path: Path) -> None:
    train(run_path, settings={"merge.linkage": "none", "train.epochs": 40})
    ensemble(run_path)
    first, second = (
        f"ucls merge {run_path} --set merge.linkage=average --set train.scales=[1.0]",
        f"ucls ensemble {run_path}",
    )  # fmt: skip
    with pytest.raises(
        UsageError, match=re.escape(f"linkage is none: make them with `{first}` and `{second}")
    ):
        cut(run_path, 3)
    merge(run_path, settings={"merge.linkage": "average", "train.scales": [1.0]})
    with pytest.raises(UclsError, match=f"run first: {second}"):
        cut(run_path, 3)
    ensemble(run_path)
    for n_clusters in (3, 2):
        assert len(np.unique(cut(run_path, n_clusters).splits["train"].labels)) == n_clusters


def test_without_a_consensus_it_names_the_command(run_path: Path) -> None:
    (run_path / "consensus.h5").unlink()
    with pytest.raises(UclsError, match=f"has lost a file; run first: ucls ensemble {run_path}"):
        cut(run_path, 3)


def test_lost_merges_name_the_command(run_path: Path) -> None:
    (run_path / "merges.h5").unlink()
    with pytest.raises(UclsError, match=f"ucls merge.*{run_path}|{run_path}.*ucls merge"):
        cut(run_path, 3)


def test_empty_clusters_are_warned_of(
    run_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(run_path, 4, reporter=lines)
    assert lines.said == []
    monkeypatch.setattr("ucls.merging.partitions.PER_HEAD", 0)
    monkeypatch.setattr(
        "ucls.stages.cut.merge_labels",
        # All heads as the first one, which lacks a cluster.
        lambda labels, mappings: np.tile(
            np.minimum(merge_labels(labels, mappings)[:1], 2), (len(labels), 1)
        ),
    )
    cut(run_path, 4, reporter=lines)
    told = "1 of 4 clusters are empty in train, 1 of 4 clusters are empty in val"
    assert lines.said == [f"WARNING: cut: {told}"]
    ensemble(run_path, settings={"ensemble.keep_k": True})
    assert len(np.unique(cut(run_path, 4).splits["train"].labels)) == 4


def test_what_the_run_is_and_is_made_of_is_not_overwritten(run_path: Path, sources: Path) -> None:
    run = Run(run_path)
    before = contents(run_path)
    for path in [*run_path.iterdir(), run_path / "labels-k4.csv"]:
        with pytest.raises(UsageError, match=f"{path.name} belongs to the run itself: choose"):
            cut(run_path, 3, out=path, overwrite=True)
    for path in (sources / "blobs.npz", sources / "blobs-val.npz", run.caches["train"]["features"]):
        with pytest.raises(UsageError, match=f"{path.name} is one of the files that this command"):
            cut(run_path, 3, out=path, overwrite=True)
    assert contents(run_path) == before
