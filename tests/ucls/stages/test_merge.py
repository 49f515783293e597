import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.conftest import Lines
from tests.ucls.runs.consensus_files import chosen
from ucls.cache import read_assignments, read_graph, read_merges, write_graph
from ucls.errors import UclsError, UsageError
from ucls.merging import merge_heads
from ucls.runs.heads import as_trained, heads_of, merged_assignments
from ucls.runs.image_labels import read_labels
from ucls.runs.run import Run
from ucls.stages.ensemble import ensemble
from ucls.stages.evaluate import evaluate
from ucls.stages.merge import merge
from ucls.stages.neighbors import neighbors
from ucls.stages.self_train import self_train
from ucls.stages.train import train
from ucls.types import NeighborGraph

SKIPPED = "merge: done before with these settings, skipped"
UNMERGED = {"train.scales": [1], "merge.linkage": "none"}


def test_what_it_leaves(run_path: Path) -> None:
    assignments = read_assignments(run_path / "assignments.h5")
    assert assignments.head_clusters.tolist() == [8] * 6
    expected = merge_heads(
        assignments.labels["train"],
        read_graph(run_path / "neighbors.h5"),
        4,
        head_clusters=[8] * 6,
    )
    found = read_merges(merge(run_path, overwrite=True))
    assert (found.linkage, found.cut_shares) == (expected.linkage, expected.cut_shares)
    for one, other in zip(found.heads, expected.heads, strict=True):
        np.testing.assert_array_equal(one.leaf_of, other.leaf_of)
        np.testing.assert_array_equal(one.tree, other.tree)
    assert Run(run_path).freshness.is_done("merge")


def test_the_consensus_sees_merged_heads_in_every_split(run_path: Path) -> None:
    own, merged = read_assignments(run_path / "assignments.h5"), heads_of(Run(run_path))
    trees = read_merges(run_path / "merges.h5").heads
    assert merged.head_clusters.tolist() == [4] * 6
    for split in ("train", "val"):
        for head, tree in enumerate(trees):
            expected = tree.cut(4)[own.labels[split][head]]
            np.testing.assert_array_equal(merged.labels[split][head], expected)
        np.testing.assert_array_equal(merged.confidence[split], own.confidence[split])
    np.testing.assert_array_equal(merged.loss, own.loss)
    assert as_trained(Run(run_path)).head_clusters.tolist() == [8] * 6


def test_missing_labels_and_clusters_without_training_images_stay_missing(run_path: Path) -> None:
    own = read_assignments(run_path / "assignments.h5")
    mappings = [np.int32([0, 1, 2, 3, 0, 1, -1, 2])] * 6
    own.labels["train"][:, :3] = -1, 6, 7
    found = merged_assignments(own, mappings, 4).labels["train"]
    assert found[:, :3].tolist() == [[-1, -1, 2]] * 6


def test_rerun_skips_and_says_so(run_path: Path, lines: Lines) -> None:
    before = (run_path / "merges.h5").stat().st_mtime_ns
    assert merge(run_path, reporter=lines) == run_path / "merges.h5"
    assert lines.told == [SKIPPED]
    assert (run_path / "merges.h5").stat().st_mtime_ns == before


def test_overwrite_merges_again_to_the_same_file(run_path: Path, lines: Lines) -> None:
    before = (run_path / "merges.h5").read_bytes()
    (run_path / "merges.h5").write_bytes(b"half")
    with pytest.raises(UsageError, match=r"merges\.h5 is truncated .* `ucls merge` with --overwr"):
        heads_of(Run(run_path))
    merge(run_path, overwrite=True, reporter=lines)
    assert (run_path / "merges.h5").read_bytes() == before
    assert SKIPPED not in lines.said
    assert not Run(run_path).freshness.is_done("ensemble")


@pytest.mark.parametrize("linkage", ["average", "diffusion", "spectral"])
def test_a_named_linkage_is_taken_and_later_stages_ask(
    run_path: Path, lines: Lines, linkage: str
) -> None:
    merge(run_path, settings={"merge.linkage": linkage}, reporter=lines)
    assert lines.told == [f"merge: 6 heads of 8 clusters to 4 by {linkage} linkage"]
    found = read_merges(run_path / "merges.h5")
    assert (found.linkage, found.cut_shares) == (linkage, {})
    run = Run(run_path)
    assert run.freshness.is_done("train")
    assert run.freshness.is_done("merge")
    assert not any(run.freshness.is_done(name) for name in ("ensemble", "self-train", "evaluate"))
    with pytest.raises(UclsError, match="no consensus of its heads; run first: ucls ensemble"):
        run.consensuses.chosen()
    ensemble(run_path)
    assert chosen(run_path) == "mcla"


def test_auto_tells_what_it_chose_by(run_path: Path, lines: Lines) -> None:
    merge(run_path, overwrite=True, reporter=lines)
    merged = read_merges(run_path / "merges.h5")
    said, stale = lines.said
    assert stale.startswith("merge: labels.csv, metrics.json are still those of before, until ucls")
    assert said.startswith(f"merge: 6 heads of 8 clusters to 4 by {merged.linkage} linkage: ")
    assert "clusters look about equal in size" in said
    for name, share in merged.cut_shares.items():
        assert f"{name} {share:.2%}" in said


def test_clusters_that_look_unequal_are_told(
    run_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ucls.merging.sizes.Sizes.look_equal", False)
    merge(run_path, overwrite=True, reporter=lines)
    assert "by diffusion linkage: clusters look unequal in size (links cut: " in lines.said[0]


def test_heads_of_several_sizes(run_path: Path, lines: Lines) -> None:
    train(run_path, settings={"train.scales": [1, 2.5, 3], "train.n_heads": 2})
    merge(run_path, reporter=lines)
    assert "merge: 6 heads of 4, 10, 12 clusters to 4 by " in lines.said[0]
    run = Run(run_path)
    assert as_trained(run).head_clusters.tolist() == [4, 4, 10, 10, 12, 12]
    own, merged = read_assignments(run_path / "assignments.h5"), heads_of(run)
    for head in (0, 1):
        # As many clusters as wanted: renumbered at most, where some are empty.
        pairs = set(zip(own.labels["train"][head], merged.labels["train"][head], strict=True))
        assert len(pairs) == len(np.unique(own.labels["train"][head]))
    assert merged.labels["train"].max() == 3


def test_heads_of_the_wanted_size_keep_their_clusters(run_path: Path, lines: Lines) -> None:
    """As heads of small data have, where three times as many would be too small."""
    train(run_path, settings={"train.scales": [1], "train.epochs": 40})
    merge(run_path, reporter=lines)
    assert lines.told == ["merge: heads stay as they are, with 4 clusters"]
    own, merged = read_assignments(run_path / "assignments.h5"), heads_of(Run(run_path))
    assert {len(np.unique(head)) for head in own.labels["train"]} == {4}
    for split in ("train", "val"):
        np.testing.assert_array_equal(merged.labels[split], own.labels[split])


def test_it_follows_the_training(run_path: Path) -> None:
    train(run_path, settings={"train.epochs": 2})
    assert not Run(run_path).freshness.is_done("merge")
    with pytest.raises(UclsError, match=f"has other settings; run first: ucls merge {run_path}"):
        ensemble(run_path)
    merge(run_path)
    ensemble(run_path)
    assert Run(run_path).freshness.is_done("ensemble")


def test_it_does_without_the_feature_cache(run_path: Path) -> None:
    folder = Run(run_path).folder
    gone = {split: {"features": "gone.h5"} for split in folder.record["data"]["caches"]}
    folder.update(data={**folder.record["data"], "caches": gone})
    merge(run_path, overwrite=True)
    assert Run(run_path).freshness.is_done("merge")


def test_without_training_it_names_the_command(run_path: Path) -> None:
    (run_path / "assignments.h5").unlink()
    with pytest.raises(UclsError, match=f"has lost a file; run first: ucls train {run_path}"):
        merge(run_path)


def test_lost_merges_are_merging_not_done(run_path: Path) -> None:
    (run_path / "merges.h5").unlink()
    with pytest.raises(UclsError, match=f"has lost a file; run first: ucls merge {run_path}"):
        ensemble(run_path)
    merge(run_path)
    assert Run(run_path).freshness.is_done("ensemble") is False
    ensemble(run_path)
    assert Run(run_path).freshness.is_done("ensemble")


def test_a_lost_graph(run_path: Path) -> None:
    (run_path / "neighbors.h5").unlink()
    with pytest.raises(UsageError, match=r"no .* at .*neighbors\.h5; run `ucls neighbors`"):
        merge(run_path, overwrite=True)
    assert Run(run_path).folder.record["stages"]["merge"]["status"] == "failed"
    neighbors(run_path, overwrite=True)
    merge(run_path)
    assert Run(run_path).freshness.is_done("merge")


def test_a_graph_of_other_images(run_path: Path) -> None:
    graph = read_graph(run_path / "neighbors.h5")
    rows = graph.indptr[:51]
    half = NeighborGraph(
        rows, graph.indices[: rows[-1]] % 50, graph.similarity[: rows[-1]],
        graph.k, None, None, 0, "faiss", exact=True,
    )  # fmt: skip
    write_graph(run_path / "neighbors.h5", half)
    with pytest.raises(UsageError, match="the 50 images of the graph, got those of 120"):
        merge(run_path, overwrite=True)


def test_damaged_assignments(run_path: Path) -> None:
    with h5py.File(run_path / "assignments.h5", "r+") as file:
        del file.attrs["checksum"]
        del file["splits"]["train"]["labels"]
    with pytest.raises(UsageError, match=r"assignments\.h5 is damaged .* `ucls train` with --ov"):
        merge(run_path, overwrite=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"merge.linkage": "ward"},
            r"merge\.linkage: .*'diffusion', 'spectral', 'average' or 'none'",
        ),
        ({"merge.linkages": "none"}, "no such setting; did you mean merge.linkage"),
        ({"train.epochs": 2}, r"train\.epochs would change the stage train, .* ucls train "),
        ({"seed": 7}, "seed would change the stage train, .* ucls train "),
        ({"merge.linkage": "none"}, r"merge\.linkage would change the stage train, .* ucls train "),
        (
            {"merge.linkage": "none", "train.scales": [2]},
            r"scales is \[2\.0\] and merge\.linkage is none, so no head .* add 1 to train\.scales",
        ),
    ],
)
def test_bad_settings(run_path: Path, settings: dict[str, Any], message: str) -> None:
    before = (run_path / "run.json").read_bytes()
    with pytest.raises(UsageError, match=message):
        merge(run_path, settings=settings)
    assert (run_path / "run.json").read_bytes() == before
    assert Run(run_path).freshness.is_done("evaluate")


@pytest.mark.slow
def test_without_merging_heads_stay_as_they_are(run_path: Path, lines: Lines) -> None:
    train(run_path, settings=UNMERGED | {"train.epochs": 80})
    assert merge(run_path, reporter=lines) == run_path / "assignments.h5"
    assert lines.told == ["merge: heads stay as they are, with 4 clusters"]
    run = Run(run_path)
    assert run.freshness.is_done("merge")
    assert "merge" not in {
        name
        for name in run.folder.record["stages"]
        if run.folder.key_of(name) == run.freshness.key("merge")
    }
    own, seen = read_assignments(run_path / "assignments.h5"), heads_of(run)
    np.testing.assert_array_equal(seen.labels["train"], own.labels["train"])
    ensemble(run_path)
    assert Run(run_path).freshness.is_done("ensemble")


def test_without_merging_classes_that_are_split_are_told(run_path: Path, lines: Lines) -> None:
    train(run_path, settings=UNMERGED)
    with h5py.File(run_path / "assignments.h5", "r+") as file:
        del file.attrs["checksum"]
        labels = file["splits"]["train"]["labels"][:]
        largest = np.bincount(labels[0], minlength=4).argmax()
        split, others = np.flatnonzero(labels[0] == largest), labels[0] != largest
        labels[:] = np.where(others, 2, 0)
        labels[:, split[::2]] = 1
        file["splits"]["train"]["labels"][:] = labels
    merge(run_path, reporter=lines)
    assert lines.told == [
        "merge: clusters look unequal in size, or the heads are not trained to the end: some are "
        "linked as closely as the images of one; merging may help: "
        f"ucls train {run_path} --set train.scales=[3] --set merge.linkage=auto"
    ]
    train(run_path, settings={"train.scales": [3], "merge.linkage": "auto"})
    merge(run_path)
    assert Run(run_path).freshness.is_done("merge")


@pytest.mark.slow
def test_without_merging_only_heads_of_the_wanted_size_are_looked_at(
    run_path: Path, lines: Lines
) -> None:
    settings = {"train.scales": [1, 3], "merge.linkage": "none", "train.epochs": 80}
    train(run_path, settings=settings)
    merge(run_path, reporter=lines)
    assert lines.told == ["merge: heads stay as they are, with 4 clusters"]
    entry = ensemble(run_path)
    assert entry.heads == (0, 1, 2, 3, 4, 5)


KILLED = """
import os, signal, sys
from ucls.cache import files
from ucls.merging import merge
from ucls.stages.merge import merge as stage

def die():
    os.kill(os.getpid(), signal.SIGKILL)

merge_head, publish, calls = merge.merge_head, files.publish, []

def merge_two_heads(*arguments, **options):
    calls.append(options)
    return merge_head(*arguments, **options) if len(calls) <= 2 else die()

if sys.argv[2] == "at a head":
    merge.merge_head = merge_two_heads
else:
    files.publish = lambda old, new: die() if new.name == "merges.h5" else publish(old, new)
stage(sys.argv[1], overwrite=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["at a head", "before the file gets its name"])
def test_killed_it_is_not_done_and_made_again_to_the_same_bytes(
    run_path: Path, lines: Lines, moment: str
) -> None:
    before = (run_path / "merges.h5").read_bytes()
    command = [sys.executable, "-c", KILLED, str(run_path), moment]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    run = Run(run_path)
    assert run.folder.record["stages"]["merge"]["status"] == "running"
    assert not run.freshness.is_done("merge")
    assert (run_path / "merges.h5").read_bytes() == before
    with pytest.raises(UclsError, match=f"is not done; run first: ucls merge {run_path}"):
        ensemble(run_path)
    merge(run_path, reporter=lines)
    assert SKIPPED not in lines.said
    assert (run_path / "merges.h5").read_bytes() == before
    ensemble(run_path)
    assert Run(run_path).freshness.is_done("ensemble")


def test_small_clusters_join_others_all_the_way(run_path: Path, lines: Lines) -> None:
    settings = {"merge.min_cluster_size": 45}
    merge(run_path, settings=settings, reporter=lines)
    told = [line for line in lines.said if "joined the nearest" in line]
    assert len(told) == 1
    n_left = Run(run_path).n_clusters
    assert f"{n_left} clusters left of 4" in told[0]
    assert 2 <= n_left < 4
    assert Run(run_path).n_wanted == 4
    ensemble(run_path)
    self_train(run_path, reporter=lines)
    sizes = np.bincount(read_labels(Run(run_path)).clusters[:120])
    assert any("than the 45 images" in told for told in lines.said) == (sizes.min() < 45)
    evaluate(run_path)
    assert set(read_labels(Run(run_path)).clusters.tolist()) <= set(range(n_left))
    merge(run_path, settings={"merge.min_cluster_size": 0})
    assert Run(run_path).n_clusters == 4


def test_the_smallest_size_needs_the_tree_of_all_heads(run_path: Path) -> None:
    wrong = {"merge.min_cluster_size": 5, "merge.linkage": "average"}
    with pytest.raises(UsageError, match="needs the linkage auto or diffusion"):
        merge(run_path, settings=wrong)
