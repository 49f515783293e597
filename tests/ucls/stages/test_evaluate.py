import csv
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.conftest import Lines
from ucls import pipeline
from ucls.cache import read_assignments
from ucls.errors import UclsError
from ucls.metrics import scores as metrics
from ucls.runs.heads import heads_of
from ucls.runs.labels import known_labels
from ucls.runs.run import Run
from ucls.settings.config import Config
from ucls.sources import load_source
from ucls.stages.ensemble import ensemble
from ucls.stages.evaluate import evaluate
from ucls.stages.merge import merge
from ucls.stages.self_train import self_train
from ucls.stages.train import train

SCORES = {"acc", "acc_class_mean", "nmi", "ari", "ami"}
BALANCE = {"kl_to_uniform", "occupied_clusters", "cluster_sizes"}
ROWS = {"kmeans", "best_head", "heads", "ensemble.mcla", "ensemble.chosen", "self_training"}
SHARES = {*SCORES, "anmi", "mean_confidence", "mean_probability", "neighbors.accuracy"}


def figures_of(path: Path) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads((path / "metrics.json").read_text())
    return figures


@pytest.fixture(scope="module")
def unlabelled_run(
    tmp_path_factory: pytest.TempPathFactory, sources: Path, tiny_config: Config
) -> Path:
    folder = tmp_path_factory.mktemp("unlabelled")
    source = str(sources / "plain.npy")
    return pipeline.run(
        source, out=folder / "run", cache_dir=folder / "cache", config=tiny_config
    ).path


def shares(tree: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Every figure that has to lie in 0..1."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from shares(value)
        elif name.removesuffix("_mean").removesuffix("_std") in SHARES:
            yield name, value


def test_the_schema(shared_run: Path) -> None:
    figures = figures_of(shared_run)
    head = ["schema", "dataset", "n_clusters", "seed", "backbones", "collapsed"]
    assert list(figures) == [*head, "train", "val"]
    assert (figures["schema"], figures["dataset"]) == (1, "blobs")
    assert (figures["n_clusters"], figures["seed"]) == (4, 0)


@pytest.mark.parametrize("split", ["train", "val"])
def test_the_results_of_a_split_with_labels(shared_run: Path, split: str) -> None:
    results = figures_of(shared_run)[split]
    assert set(results) >= ROWS
    for row in ROWS - {"heads"}:
        assert set(results[row]) >= SCORES
    assert set(results["heads"]) >= {f"{name}_{s}" for name in SCORES for s in ("mean", "std")}
    for row in ("ensemble.mcla", "ensemble.chosen"):
        assert set(results[row]) >= {*BALANCE, "anmi", "mean_confidence"}
    assert sum(results["ensemble.chosen"]["cluster_sizes"]) == {"train": 120, "val": 40}[split]
    assert results["ensemble.chosen"]["method"] == "mcla"
    assert set(results["self_training"]) >= BALANCE


def of_heads(path: Path, score: str, heads: list[int]) -> list[float]:
    """A score of some heads on train, as they were trained."""
    truth = known_labels(Run(path))["train"]
    labels = read_assignments(path / "assignments.h5").labels["train"]
    return [metrics.clustering_metrics(truth, labels[head])[score] for head in heads]


def test_heads_are_measured_merged_and_as_they_were_trained(shared_run: Path) -> None:
    results = figures_of(shared_run)["train"]
    truth = known_labels(Run(shared_run))["train"]
    merged = [
        metrics.clustering_metrics(truth, head)["acc"]
        for head in heads_of(Run(shared_run)).labels["train"]
    ]
    heads = results["heads"]
    assert heads["n_heads"] == 6
    assert heads["acc_mean"] == pytest.approx(np.mean(merged))
    assert heads["acc_std"] == pytest.approx(np.std(merged))
    loss = read_assignments(shared_run / "assignments.h5").loss
    assert results["best_head"]["head"] == int(np.argmin(loss))
    assert results["best_head"]["acc"] == pytest.approx(merged[int(np.argmin(loss))])
    assert list(results["over_clustering"]) == ["8"]
    own = results["over_clustering"]["8"]
    assert set(own) >= {f"{name}_{s}" for name in SCORES for s in ("mean", "std")}
    many_to_one = of_heads(shared_run, "acc_many_to_one", list(range(6)))
    assert own["n_heads"] == 6
    assert own["acc_many_to_one_mean"] == pytest.approx(np.mean(many_to_one))
    assert own["acc_many_to_one_std"] == pytest.approx(np.std(many_to_one))
    assert 4 <= own["occupied_clusters_mean"] <= 8


def test_heads_of_several_sizes_are_measured_apart(run_path: Path) -> None:
    train(run_path, settings={"train.scales": [1, 2, 3], "train.n_heads": 3})
    merge(run_path)
    ensemble(run_path)
    results = evaluate(run_path)["train"]
    assert results["heads"]["n_heads"] == 9
    assert list(results["over_clustering"]) == ["8", "12"]
    for size, heads in (("8", [3, 4, 5]), ("12", [6, 7, 8])):
        row = results["over_clustering"][size]
        assert row["n_heads"] == 3
        expected = of_heads(run_path, "nmi", heads)
        assert row["nmi_mean"] == pytest.approx(np.mean(expected))


def test_the_best_head_is_one_of_those_with_the_fewest_clusters(run_path: Path) -> None:
    """Losses of heads of different sizes do not compare."""
    settings = {"train.scales": [3, 2], "train.n_heads": 3, "merge.linkage": "diffusion"}
    train(run_path, settings=settings)
    merge(run_path)
    ensemble(run_path)
    with h5py.File(run_path / "assignments.h5", "r+") as file:
        del file.attrs["checksum"]
        file["loss"][:] = [-9, -8, -7, 3, 1, 2]
    assert evaluate(run_path)["train"]["best_head"]["head"] == 4


def test_without_merging_only_heads_of_the_wanted_size_are_meant(run_path: Path) -> None:
    settings = {"train.scales": [1, 3], "train.n_heads": 3, "merge.linkage": "none"}
    train(run_path, settings=settings)
    ensemble(run_path)
    results = evaluate(run_path)["train"]
    assert results["heads"]["n_heads"] == 3
    expected = of_heads(run_path, "acc", [0, 1, 2])
    assert results["heads"]["acc_mean"] == pytest.approx(np.mean(expected))
    assert results["over_clustering"]["12"]["n_heads"] == 3
    assert results["best_head"]["head"] < 3


def test_heads_of_the_wanted_size_alone_are_no_over_clustering(run_path: Path) -> None:
    train(run_path, settings={"train.scales": [1], "merge.linkage": "none"})
    ensemble(run_path)
    results = evaluate(run_path)
    assert "over_clustering" not in results["train"]
    assert "over_clustering" not in results["val"]


def test_every_share_is_within_0_and_1(shared_run: Path) -> None:
    found = dict(shares(figures_of(shared_run)))
    assert len(found) > 10
    # The adjusted figures are 0 by chance, so they can fall a little below it.
    assert all(-0.1 <= value <= 1 for value in found.values())


def test_what_only_train_and_only_val_have(shared_run: Path) -> None:
    figures = figures_of(shared_run)
    assert figures["train"]["neighbors.mean_count"] >= 3
    assert figures["train"]["neighbors.accuracy"] > 0.9
    for name in ("knn", "linear_probe"):
        assert figures["val"][name]["acc"] > 0.9
        assert name not in figures["train"]
    oracle = figures["val"]["self_training"]["oracle"]
    assert set(oracle) >= {*SCORES, "feature_set", "learning_rate"}
    assert oracle["acc"] >= figures["val"]["self_training"]["acc"]
    assert "oracle" not in figures["train"]["self_training"]


def test_k_means_finds_the_blobs(shared_run: Path) -> None:
    figures = figures_of(shared_run)
    assert figures["train"]["kmeans"]["acc"] > 0.9
    assert figures["val"]["kmeans"]["acc"] > 0.9


def test_without_labels_the_label_free_figures_are_there(unlabelled_run: Path) -> None:
    figures = figures_of(unlabelled_run)
    assert figures["val"] is None
    train = figures["train"]
    assert set(train) >= ROWS | {"neighbors.mean_count"}
    assert set(train["ensemble.chosen"]) == {
        "method", "anmi", "anmi_averaging", "n_heads", "heads", "mean_confidence", *BALANCE,
        "agreement",
    }  # fmt: skip
    assert set(train["kmeans"]) == BALANCE
    assert set(train["best_head"]) == {*BALANCE, "head", "mean_probability"}
    assert set(train["over_clustering"]) == {"8"}
    assert set(train["over_clustering"]["8"]) == {"n_heads", "occupied_clusters_mean"}
    assert "acc" not in json.dumps(figures)


@pytest.mark.slow
def test_no_label_is_read_where_they_are_not_wanted(
    tmp_path: Path, photos: Path, tiny_config: Config
) -> None:
    """The cache of a folder holds the sub-folders' names for later runs."""
    pixels = {"extract.backbone": "pixels", "extract.image_size": 4, "extract.workers": 0}
    config = tiny_config.with_values(pixels)
    first = pipeline.run(str(photos), out=tmp_path / "a", config=config)
    assert "acc" not in first.figures["train"]["kmeans"]
    second = pipeline.run(
        load_source(str(photos), labels="folders"), out=tmp_path / "b", config=config
    )
    assert second.figures["train"]["kmeans"]["acc"] > 0.3
    assert len(list((tmp_path / "feature-cache").glob("*.h5"))) == 1
    name = "assignments.h5"
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_rerun_skips_and_gives_the_same(run_path: Path, lines: Lines) -> None:
    assert evaluate(run_path, reporter=lines) == figures_of(run_path)
    assert lines.said == ["evaluate: done before with these settings, skipped"]


def test_overwrite_and_changed_settings_measure_again(run_path: Path) -> None:
    before = figures_of(run_path)
    (run_path / "metrics.json").write_text("{}")
    assert evaluate(run_path, overwrite=True) == before
    after = evaluate(run_path, settings={"evaluate.upper_bounds": False})
    assert "knn" not in after["val"]
    del before["val"]["knn"], before["val"]["linear_probe"]
    assert after == before


def test_a_new_consensus_is_measured(run_path: Path) -> None:
    ensemble(run_path, variant={"method": "vote", "heads": "0,1"})
    figures = evaluate(run_path)
    assert set(figures["train"]) >= {"ensemble.vote[0-1]", "ensemble.mcla"}
    assert figures["train"]["ensemble.chosen"]["method"] == "mcla"


def test_a_consensus_of_val_alone_is_measured(run_path: Path) -> None:
    ensemble(run_path, variant={"method": "vote"}, split="val")
    figures = evaluate(run_path)
    assert "ensemble.vote" not in figures["train"]
    assert set(figures["val"]["ensemble.vote"]) >= {"acc", "anmi"}


def test_self_training_of_another_consensus_is_left_out(run_path: Path, lines: Lines) -> None:
    before = figures_of(run_path)
    ensemble(run_path, variant={"method": "vote"}, choose=True)
    figures = evaluate(run_path, reporter=lines)
    assert lines.said[0] == (
        "evaluate: self-training is not done on the chosen consensus, vote, so it is left out; "
        f"run: ucls self-train {run_path}"
    )
    assert figures["train"]["ensemble.chosen"]["method"] == "vote"
    for split in ("train", "val"):
        assert "self_training" not in figures[split]
        assert figures[split]["kmeans"] == before[split]["kmeans"]
    self_train(run_path)
    assert "self_training" in evaluate(run_path)["train"]


def test_lost_labels_are_self_training_not_done(run_path: Path, lines: Lines) -> None:
    (run_path / "labels.csv").unlink()
    assert "self_training" not in evaluate(run_path, reporter=lines)["train"]
    assert f"run: ucls self-train {run_path}" in lines.said[0]


def test_after_another_training_the_commands_to_run_first_are_named(run_path: Path) -> None:
    (run_path / "assignments.h5").rename(run_path / "aside")
    with pytest.raises(UclsError, match=f"train .* lost a file; .*: ucls train {run_path}"):
        evaluate(run_path)
    (run_path / "aside").rename(run_path / "assignments.h5")
    train(run_path, settings={"train.epochs": 2})
    with pytest.raises(
        UclsError, match=f"merge .* other settings; run first: ucls merge {run_path}"
    ):
        evaluate(run_path)
    merge(run_path)
    with pytest.raises(UclsError, match=f"{run_path} has no consensus of its heads; run first"):
        evaluate(run_path)


def test_a_run_can_be_moved(shared_run: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(shared_run, tmp_path / "elsewhere")
    assert evaluate(moved, overwrite=True) == figures_of(shared_run)


def test_confidence_and_probability_are_those_of_labels_csv(shared_run: Path) -> None:
    with (shared_run / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for split in ("train", "val"):
        figures = figures_of(shared_run)[split]["self_training"]
        for name in ("confidence", "probability"):
            mean = np.mean([float(row[name]) for row in rows if row["split"] == split])
            assert figures[f"mean_{name}"] == pytest.approx(mean, abs=1e-4)


def test_scores_of_superclasses_stay_until_all_is_measured_anew(
    run_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "h.csv").write_text("class,half\n0,a\n1,a\n2,b\n3,b\n")
    before = figures_of(run_path)
    figures = evaluate(run_path, hierarchy=tmp_path / "h.csv")
    assert [level["n_superclasses"] for level in figures["hierarchy"]["levels"]] == [2]
    assert {name: figures[name] for name in before} == before
    assert evaluate(run_path) == figures == figures_of(run_path)
    assert "hierarchy" not in evaluate(run_path, overwrite=True)
    with pytest.raises(UclsError, match=r"no file .*missing\.csv"):
        evaluate(run_path, hierarchy=tmp_path / "missing.csv")
