import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Lines
from tests.ucls.runs.consensus_files import merged_heads
from ucls.cache import FeatureSpec, read_tensors
from ucls.ensemble.alignment import align
from ucls.errors import UclsError
from ucls.runs.classifier import load_classifier
from ucls.runs.run import Run
from ucls.stages.ensemble import ensemble
from ucls.stages.self_train import self_train, token_columns


def read_labels(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_image_of_every_split_has_a_label(run_path: Path) -> None:
    rows = read_labels(self_train(run_path))
    assert list(rows[0]) == ["path", "split", "cluster", "confidence", "probability"]
    assert [row["split"] for row in rows] == ["train"] * 120 + ["val"] * 40
    assert [rows[i]["path"] for i in (0, 119, 120)] == ["blobs/000", "blobs/119", "blobs-val/00"]
    assert {int(row["cluster"]) for row in rows} <= {0, 1, 2, 3}
    assert all(0 <= float(row["confidence"]) <= 1 for row in rows)
    assert all(0.25 <= float(row["probability"]) <= 1 for row in rows)


@pytest.mark.parametrize("weights", ["equal", "agreement", "loss"])
def test_the_confidence_is_that_of_the_consensus_where_both_agree(
    run_path: Path, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ucls.merging.partitions.PER_HEAD", 0)
    ensemble(run_path, settings={"ensemble.weights": weights}, overwrite=True)
    self_train(run_path, overwrite=True)
    consensus = Run(run_path).consensuses.chosen()
    votes = load_classifier(Run(run_path).folder).votes
    assert (len(set(votes.votes.tolist())) == 1) == (weights == "equal")
    rows = read_labels(run_path / "labels.csv")[:120]
    same = [int(row["cluster"]) for row in rows] == consensus.labels["train"]
    assert same.any()
    found = np.array([float(row["confidence"]) for row in rows])
    expected = consensus.confidence["train"]
    np.testing.assert_allclose(found[same], expected[same], atol=1e-3)


def test_the_confidence_of_val_is_by_the_names_of_the_training_images(run_path: Path) -> None:
    labels = merged_heads(run_path).labels
    consensus = Run(run_path).consensuses.chosen()
    heads = list(consensus.heads)
    # Without labels of their own, the images of val are renamed as those of train are.
    both = np.concatenate([labels["train"][heads], labels["val"][heads]], axis=1)
    unnamed = np.full(40, -1, dtype=np.int32)
    aligned = align(both, np.concatenate([consensus.labels["train"], unnamed]), 4)[:, 120:]
    rows = read_labels(run_path / "labels.csv")[120:]
    clusters = np.array([int(row["cluster"]) for row in rows])
    found = [float(row["confidence"]) for row in rows]
    np.testing.assert_allclose(found, (aligned == clusters).mean(axis=0), atol=1e-4)


def test_confidence_weights_change_the_classifier(run_path: Path) -> None:
    weighted = read_tensors(run_path / "classifier.safetensors")[0]["weight"]
    self_train(run_path, settings={"self_train.confidence_weights": False})
    equal = read_tensors(run_path / "classifier.safetensors")[0]["weight"]
    assert not np.array_equal(weighted, equal)


@pytest.mark.parametrize("inputs", ["heads", "tokens"])
def test_the_labels_are_those_of_the_classifier(run_path: Path, inputs: str) -> None:
    self_train(run_path, settings={"self_train.inputs": inputs})
    classifier = load_classifier(Run(run_path).folder)
    assert classifier.feature_set == "cls"
    assert (classifier.heads is None) == (inputs == "tokens")
    with Run(run_path).features("val") as cache:
        clusters, _ = classifier.predict(cache.read("cls"))
    rows = read_labels(run_path / "labels.csv")[120:]
    assert [int(row["cluster"]) for row in rows] == clusters.tolist()


def test_the_candidates_are_kept_for_evaluation(run_path: Path) -> None:
    tensors, metadata = read_tensors(run_path / "candidates.safetensors")
    assert tensors["val"].shape == (7, 40)
    assert np.argmax(tensors["agreement"]) <= int(metadata["chosen"])
    assert tensors["agreement"][int(metadata["chosen"])] == tensors["agreement"].max()


def test_rerun_skips_and_says_so(run_path: Path, lines: Lines) -> None:
    self_train(run_path, reporter=lines)
    assert lines.said == ["self-train: done before with these settings, skipped"]


def test_changed_settings(run_path: Path, lines: Lines) -> None:
    self_train(run_path, settings={"self_train.learning_rates": [0.01, 0.1]}, reporter=lines)
    assert lines.said[0].startswith("self-train: chose heads at learning rate 0.")
    assert len(read_tensors(run_path / "candidates.safetensors")[0]["agreement"]) == 2
    assert not Run(run_path).freshness.is_done("evaluate")


def test_overwrite_gives_the_same_again(run_path: Path, lines: Lines) -> None:
    before = (run_path / "labels.csv").read_bytes()
    self_train(run_path, overwrite=True, reporter=lines)
    assert "skipped" not in lines.said[0]
    assert (run_path / "labels.csv").read_bytes() == before


def test_without_a_consensus_it_names_the_command(run_path: Path) -> None:
    (run_path / "consensus.h5").unlink()
    with pytest.raises(UclsError, match=f"has lost a file; run first: ucls ensemble {run_path}"):
        self_train(run_path)


SPEC = FeatureSpec(
    dataset="x", split="train", fingerprint="f", backbone="vit", weights_hash="w",
    timm_version="1", image_size=8, channels=3, crop="center 1.0", interpolation="bicubic",
    mean=(), std=(), dtype="float16", n_layers=4, n_features=10, has_patch_mean=True,
)  # fmt: skip


def test_columns_of_a_vit() -> None:
    columns = token_columns(SPEC, "cls")
    assert columns == {
        "cls": slice(30, 40),
        "cls+patch": slice(30, 50),
        "cls4": slice(0, 40),
        "cls4+patch": slice(0, 50),
    }


def test_columns_of_shallow_and_of_patchless_features() -> None:
    shallow = token_columns(replace(SPEC, n_layers=1), "cls")
    assert shallow == {"cls": slice(0, 10), "cls+patch": slice(0, 20)}
    patchless = token_columns(replace(SPEC, has_patch_mean=False), "cls")
    assert patchless == {"cls": slice(30, 40), "cls4": slice(0, 40)}


def test_the_foreground_alone_is_tried_where_a_run_is_on_it() -> None:
    spec = replace(SPEC, backbone="vit-foreground-untrained")
    assert token_columns(spec, "fg")["fg"] == slice(40, 50)
    assert "fg" not in token_columns(spec, "cls+fg")
    shallow = token_columns(replace(spec, n_layers=1), "fg")
    assert shallow == {"cls": slice(0, 10), "cls+fg": slice(0, 20), "fg": slice(10, 20)}


@pytest.mark.parametrize("inputs", ["tokens", "heads"])
def test_features_on_disk_give_the_same_classifier(
    run_path: Path, lines: Lines, inputs: str
) -> None:
    names = ("classifier.safetensors", "candidates.safetensors", "labels.csv")
    self_train(run_path, settings={"self_train.inputs": inputs}, overwrite=True)
    before = [(run_path / name).read_bytes() for name in names]
    self_train(run_path, settings={"features_in": "disk"}, overwrite=True, reporter=lines)
    assert [(run_path / name).read_bytes() for name in names] == before
    assert lines.said[0] == (
        "self-train: features stay on disk, as asked for; each batch is read from the feature cache"
    )
