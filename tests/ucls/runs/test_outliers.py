import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Cli, Lines, blobs
from ucls import pipeline
from ucls.cache import read_tensors
from ucls.clustering.fitting import fit_settings
from ucls.clustering.in_memory import cluster
from ucls.corrections.edits import Corrections, Merge, Move, Rename, Wrong
from ucls.runs.image_labels import ImageLabels, read_labels
from ucls.runs.run import Run
from ucls.settings.config import Config
from ucls.stages.evaluate import evaluate
from ucls.stages.export import export
from ucls.stages.plot import plot
from ucls.stages.predict import predict
from ucls.stages.relabel import relabel
from ucls.stages.report import report
from ucls.stages.self_train import self_train

OUTSIDE = 6


def with_outliers(seed: int) -> np.ndarray:
    """Blobs [120, 8], of which the last few lie where none else does."""
    features = blobs(120, seed)[0]
    features[-OUTSIDE:] = 40 * np.eye(8, dtype=np.float32)[4 + np.arange(OUTSIDE) % 4]
    features[-OUTSIDE:] += np.random.default_rng(seed).normal(size=(OUTSIDE, 8))
    return features


@pytest.fixture(scope="session")
def shared_outlier_run(tmp_path_factory: pytest.TempPathFactory, tiny_config: Config) -> Path:
    folder = tmp_path_factory.mktemp("outliers")
    np.save(folder / "odd.npy", with_outliers(0))
    asked = {"train.epochs": 20, "self_train.outliers": 0.05}
    return pipeline.run(
        str(folder / "odd.npy"),
        out=folder / "run",
        cache_dir=folder / "cache",
        config=tiny_config.with_values(asked),
    ).path


@pytest.fixture
def outlier_run(shared_outlier_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shared_outlier_run, tmp_path / "outlier-run"))


def labels_of(path: Path) -> ImageLabels:
    return read_labels(Run(path))


@pytest.mark.slow
def test_outliers_have_no_cluster_and_are_listed(outlier_run: Path) -> None:
    labels = labels_of(outlier_run)
    assert np.flatnonzero(labels.clusters < 0).tolist() == list(range(114, 120))
    np.testing.assert_array_equal(labels.found, labels.clusters)
    assert (labels.n_outliers, labels.n_wrong, labels.is_corrected) == (OUTSIDE, 0, False)
    with (outlier_run / "outliers.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["path"] for row in rows} == set(labels.paths[114:])
    assert all(int(row["nearest"]) in range(4) for row in rows)
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    _, metadata = read_tensors(outlier_run / "outliers.safetensors")
    assert min(scores) == pytest.approx(float(metadata["least"]), abs=1e-4)


@pytest.mark.slow
def test_without_the_setting_all_have_one_again(outlier_run: Path, lines: Lines) -> None:
    self_train(outlier_run, settings={"self_train.outliers": "auto"}, reporter=lines)
    assert any("outlier" in line or "belong to no cluster" in line for line in lines.said)
    self_train(outlier_run, settings={"self_train.outliers": None})
    assert (labels_of(outlier_run).clusters >= 0).all()
    assert not (outlier_run / "outliers.csv").exists()


def test_images_of_val_are_told_by_the_same_score(run_path: Path) -> None:
    self_train(run_path, settings={"self_train.outliers": 0.1})
    labels = labels_of(run_path)
    assert 12 <= (labels.clusters[:120] < 0).sum() <= 15  # of which some are equally far
    assert 0 < (labels.clusters[120:] < 0).sum() < 20


@pytest.mark.slow
def test_everything_that_reads_the_labels_takes_them(outlier_run: Path, tmp_path: Path) -> None:
    evaluate(outlier_run)
    assert "6 outliers in none" in report(outlier_run).read_text(encoding="utf-8")
    for name in ("labels.csv", "labels.json", "labels.parquet"):
        export(outlier_run, out=tmp_path / name)
    export(outlier_run, out=tmp_path / "coco.json", format="coco")
    with (tmp_path / "labels.csv").open(encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    assert (last["cluster"], last["name"], last["found"]) == ("-1", "", "-1")
    plot(outlier_run)


@pytest.mark.slow
def test_new_images_are_outliers_by_the_same_score(outlier_run: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "new.npy", with_outliers(5))
    found = predict(outlier_run, str(tmp_path / "new.npy"), out=tmp_path / "new.csv")
    with (tmp_path / "new.csv").open(encoding="utf-8") as file:
        clusters = [int(row["cluster"]) for row in csv.DictReader(file)]
    assert clusters[-OUTSIDE:].count(-1) >= OUTSIDE - 1
    assert sum(found.cluster_sizes.values()) == sum(cluster >= 0 for cluster in clusters) >= 110


def test_corrections_tell_outliers_from_wrong_images(outlier_run: Path, tmp_path: Path) -> None:
    edits = (
        Wrong(images=(0,)),
        Move(images=(119,), into=2),
        Merge(clusters=(0,), into=1),
        Rename(cluster=1, name="both"),
    )
    changed = relabel(outlier_run, Corrections(edits=edits))
    labels = changed.labels
    assert (labels.n_outliers, labels.n_wrong) == (OUTSIDE - 1, 1)
    assert (labels.clusters[119], labels.found[119]) == (2, -1)
    np.save(tmp_path / "new.npy", with_outliers(5))
    predict(outlier_run, str(tmp_path / "new.npy"), out=tmp_path / "new.csv")
    with (tmp_path / "new.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["cluster"] for row in rows[-OUTSIDE:]].count("-1") >= OUTSIDE - 1
    assert {"1", "2", "3"} <= {row["cluster"] for row in rows}
    assert "0" not in {row["cluster"] for row in rows}
    assert relabel(outlier_run, retrain=True).labels.n_outliers == OUTSIDE - 1
    self_train(outlier_run, overwrite=True)
    assert labels_of(outlier_run).n_wrong == 1
    assert relabel(outlier_run, Corrections()).labels.n_outliers == OUTSIDE


def test_in_memory_the_same_are_left_out(outlier_run: Path, tiny_config: Config) -> None:
    features = with_outliers(0)
    asked = tiny_config.with_values({"train.epochs": 20, "self_train.outliers": 0.05})
    found = cluster(features, fit_settings(asked, features)).labelled
    np.testing.assert_array_equal(found.clusters, labels_of(outlier_run).clusters)


@pytest.mark.parametrize(("value", "told"), [("many", "many"), ("2", "2"), ("0", "0")])
def test_a_wrong_share_is_an_error(cli: Cli, sources: Path, value: str, told: str) -> None:
    outcome = cli("run", sources / "plain.npy", "-k", 4, "--outliers", value)
    assert outcome.exit_code == 2
    assert "self_train.outliers" in outcome.err
    assert told in outcome.err
