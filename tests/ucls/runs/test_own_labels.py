import csv
from pathlib import Path

import numpy as np
import pytest

from ucls.cache import read_tensors, write_tensors
from ucls.runs.classifier import load_classifier
from ucls.runs.own_labels import label_split
from ucls.runs.run import Run
from ucls.stages.ensemble import ensemble
from ucls.stages.merge import merge
from ucls.stages.self_train import self_train


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_run_labels_its_images_as_in_its_table(shared_run: Path, split: str) -> None:
    found = label_split(Run(shared_run), split)
    with (shared_run / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    assert [row["cluster"] for row in rows] == [str(cluster) for cluster in found.clusters]
    assert [row["confidence"] for row in rows] == [f"{share:.4f}" for share in found.confidence]
    assert [row["probability"] for row in rows] == [f"{p:.4f}" for p in found.probability]


@pytest.mark.parametrize(("inputs", "keeps"), [("heads", True), ("tokens", False)])
def test_of_training_images_what_heads_alone_were_taught_stays(
    inputs: str, keeps: bool, run_path: Path
) -> None:
    self_train(run_path, settings={"self_train.inputs": inputs, "self_train.iterations": 1})
    run = Run(run_path)
    found, classifier = label_split(run, "train"), load_classifier(run.folder)
    with run.features("train") as cache:
        told, _ = classifier.predict(cache.read(classifier.feature_set))
    taught = read_tensors(run_path / "candidates.safetensors")[0]["train"]
    assert (told != taught).any()
    assert (found.clusters == (taught if keeps else told)).all()


def test_runs_of_older_versions_have_the_labels_of_their_classifier(run_path: Path) -> None:
    self_train(run_path, settings={"self_train.inputs": "heads", "self_train.iterations": 1})
    path = run_path / "candidates.safetensors"
    tensors, metadata = read_tensors(path)
    write_tensors(path, {name: own for name, own in tensors.items() if name != "train"}, metadata)
    run = Run(run_path)
    with run.features("train") as cache:
        told, _ = load_classifier(run.folder).predict(cache.read("cls"))
    assert (label_split(run, "train").clusters == told).all()


def test_where_anything_is_known_training_images_keep_the_consensus(run_path: Path) -> None:
    path = run_path.parent / "known.csv"
    path.write_text("path,label\n0,a\n1,b\n", encoding="utf-8")
    merge(run_path, settings={"merge.known": str(path)})
    ensemble(run_path)
    self_train(run_path)
    run = Run(run_path)
    found, classifier = label_split(run, "train"), load_classifier(run.folder)
    assert (found.clusters == run.consensuses.chosen().labels["train"]).all()
    with run.features("train") as cache:
        shares = np.concatenate(list(classifier.shares(cache.read(classifier.feature_set))))
    own = shares[np.arange(len(shares)), found.clusters]
    np.testing.assert_allclose(found.probability, own, rtol=1e-6)
    with run.features("val") as cache:
        clusters, _ = classifier.predict(cache.read(classifier.feature_set))
    assert (label_split(run, "val").clusters == clusters).all()
