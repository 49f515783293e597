import csv
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Lines
from ucls.cache import run_files as files
from ucls.corrections.edits import (
    Corrections,
    Merge,
    Move,
    Rename,
    Wrong,
    read_corrections,
    write_corrections,
)
from ucls.errors import UclsError, UsageError
from ucls.runs.classifier import load_classifier
from ucls.runs.image_labels import read_labels
from ucls.runs.run import Run
from ucls.stages.evaluate import evaluate
from ucls.stages.predict import predict
from ucls.stages.relabel import relabel
from ucls.stages.self_train import self_train


def predicted(run_path: Path, source: Path, out: Path) -> list[dict[str, str]]:
    predict(run_path, str(source), out=out, overwrite=True)
    with out.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def merge_and_name(run_path: Path) -> Corrections:
    first, second = sorted(read_labels(Run(run_path)).sizes())[:2]
    return Corrections(
        edits=(Merge(clusters=(second,), into=first), Rename(cluster=first, name="both"))
    )


@pytest.mark.parametrize("retrain", [False, True])
def test_labels_names_and_predictions_follow(
    run_path: Path, sources: Path, tmp_path: Path, retrain: bool
) -> None:
    before = predicted(run_path, sources / "plain.npy", tmp_path / "a.csv")
    found = read_labels(Run(run_path))
    edits = merge_and_name(run_path)
    result = relabel(run_path, edits, retrain=retrain)
    kept = edits.edits[1].cluster
    gone = edits.edits[0].clusters[0]
    assert result.n_changed == found.sizes()[gone]
    again = read_labels(Run(run_path))
    np.testing.assert_array_equal(again.found, found.found)
    assert again.name_of(kept) == "both"
    assert gone not in again.sizes()
    after = predicted(run_path, sources / "plain.npy", tmp_path / "b.csv")
    assert list(after[0]) == ["path", "cluster", "confidence", "probability", "name"]
    expected = [str(kept) if row["cluster"] == str(gone) else row["cluster"] for row in before]
    assert np.mean([a["cluster"] == e for a, e in zip(after, expected, strict=True)]) > 0.95
    assert {row["name"] for row in after if row["cluster"] == str(kept)} == {"both"}
    assert {row["name"] for row in after if row["cluster"] != str(kept)} == {""}


def test_probability_and_confidence_of_a_merged_cluster_add_up(
    run_path: Path, sources: Path, tmp_path: Path
) -> None:
    before = predicted(run_path, sources / "plain.npy", tmp_path / "a.csv")
    edits = merge_and_name(run_path)
    relabel(run_path, edits)
    after = predicted(run_path, sources / "plain.npy", tmp_path / "b.csv")
    pairs = [
        (float(a["probability"]), float(b["probability"]))
        for a, b in zip(after, before, strict=True)
    ]
    assert all(a >= b - 1e-3 for a, b in pairs)
    assert any(a > b + 1e-3 for a, b in pairs)
    shares = [
        (float(a["confidence"]), float(b["confidence"])) for a, b in zip(after, before, strict=True)
    ]
    same = [row["cluster"] == was["cluster"] for row, was in zip(after, before, strict=True)]
    assert all(a >= b for (a, b), alike in zip(shares, same, strict=True) if alike)


def test_a_retrained_classifier_learns_what_was_moved(run_path: Path) -> None:
    labels = read_labels(Run(run_path))
    rows = np.flatnonzero(labels.clusters[:120] == labels.clusters[0])
    # All of one cluster but a few, by hand, into a new one; some are marked as wrong.
    moved = Move(images=tuple(rows[3:].tolist()), into=77)
    relabel(run_path, Corrections(edits=(moved, Wrong(images=(int(rows[0]),)))), retrain=True)
    run = Run(run_path)
    classifier = load_classifier(run.folder, corrected=True)
    assert 77 in classifier.numbers
    with run.features("train") as cache:
        places, _ = classifier.predict(cache.read(classifier.feature_set))
    numbers = classifier.groups.numbers[places]
    assert (numbers[rows[3:]] == 77).mean() > 0.8
    assert read_labels(run).clusters[rows[0]] == -1


def test_the_same_twice_gives_the_same_bytes(run_path: Path) -> None:
    edits = merge_and_name(run_path)
    names = (files.LABELS, files.CORRECTIONS, files.CORRECTED_CLASSIFIER)
    relabel(run_path, edits, retrain=True)
    first = [(run_path / name).read_bytes() for name in names]
    relabel(run_path, run_path / files.CORRECTIONS, retrain=True)
    assert [(run_path / name).read_bytes() for name in names] == first
    assert not (run_path / files.PREVIOUS_CORRECTIONS).exists()


def test_no_edits_restore_what_was_found(run_path: Path) -> None:
    before = (run_path / files.LABELS).read_bytes()
    relabel(run_path, merge_and_name(run_path))
    corrected = (run_path / files.CORRECTIONS).read_bytes()
    assert (run_path / files.LABELS).read_bytes() != before
    relabel(run_path, Corrections())
    assert (run_path / files.LABELS).read_bytes() == before
    assert not (run_path / files.CORRECTED_CLASSIFIER).exists()
    assert (run_path / files.PREVIOUS_CORRECTIONS).read_bytes() == corrected


def test_figures_of_corrected_labels_stand_beside_the_found_ones(run_path: Path) -> None:
    before = evaluate(run_path)
    assert "corrected" not in before["train"]
    relabel(run_path, merge_and_name(run_path))
    after = evaluate(run_path)
    assert after["train"]["self_training"] == before["train"]["self_training"]
    assert after["train"]["corrected"]["occupied_clusters"] == 3
    assert after["val"]["corrected"]["acc"] < after["val"]["self_training"]["acc"]


def test_corrections_outlive_the_same_labels_and_are_put_aside_for_others(
    run_path: Path, lines: Lines
) -> None:
    relabel(run_path, merge_and_name(run_path), retrain=True)
    corrected = (run_path / files.LABELS).read_bytes()
    self_train(run_path, overwrite=True, reporter=lines)
    assert (run_path / files.LABELS).read_bytes() == corrected
    of_others = read_corrections(run_path / files.CORRECTIONS).model_copy(update={"labels": "0"})
    write_corrections(run_path / files.CORRECTIONS, of_others)
    self_train(run_path, overwrite=True, reporter=lines)
    assert not (run_path / files.CORRECTIONS).exists()
    assert not (run_path / files.CORRECTED_CLASSIFIER).exists()
    assert read_corrections(run_path / files.PREVIOUS_CORRECTIONS) == of_others
    assert any("is put aside as corrections-previous.toml" in line for line in lines.said)
    assert not read_labels(Run(run_path)).is_corrected


def test_a_retrained_classifier_outlives_new_names_alone(run_path: Path) -> None:
    edits = merge_and_name(run_path)
    relabel(run_path, edits, retrain=True)
    weight = load_classifier(Run(run_path).folder, corrected=True).linear.weight
    other = edits.model_copy(
        update={"edits": (*edits.edits, Rename(cluster=edits.edits[1].cluster, name="other"))}
    )
    assert relabel(run_path, other).keeps_training
    classifier = load_classifier(Run(run_path).folder, corrected=True)
    np.testing.assert_array_equal(classifier.linear.weight, weight)
    assert classifier.name_of(edits.edits[1].cluster) == "other"
    moved = Corrections(edits=(*edits.edits, Move(images=(0, 1), into=50)))
    assert not relabel(run_path, moved).keeps_training
    assert load_classifier(Run(run_path).folder, corrected=True).linear.weight.shape[1] == 4


def test_what_is_gone_on_with_or_undone_is_not_put_aside(run_path: Path) -> None:
    edits = merge_and_name(run_path)
    shorter = Corrections(edits=edits.edits[:1])
    for corrections in (shorter, edits, shorter):
        relabel(run_path, corrections)
    assert not (run_path / files.PREVIOUS_CORRECTIONS).exists()
    relabel(run_path, Corrections(edits=(Wrong(images=(0,)),)))
    kept = read_corrections(run_path / files.PREVIOUS_CORRECTIONS)
    assert kept.edits == shorter.edits


def test_images_all_marked_as_wrong_are_refused(run_path: Path) -> None:
    everything = Corrections(edits=(Wrong(images=tuple(range(160))),))
    with pytest.raises(UsageError, match="leave no image in any cluster"):
        relabel(run_path, everything)


@pytest.mark.parametrize("numbers", [(0, 3), (3, 0)])
def test_figures_do_not_hang_on_the_number_that_is_left(
    run_path: Path, numbers: tuple[int, int]
) -> None:
    into, gone = numbers
    relabel(run_path, Corrections(edits=(Merge(clusters=(gone,), into=into),)))
    found = evaluate(run_path)["train"]["corrected"]
    assert len(found["cluster_sizes"]) == found["occupied_clusters"] == 3


def test_a_classifier_trained_anew_is_that_of_the_corrections_too(run_path: Path) -> None:
    relabel(run_path, merge_and_name(run_path))
    before = load_classifier(Run(run_path).folder, corrected=True).linear.weight
    self_train(run_path, settings={"self_train.iterations": 60})
    folder = Run(run_path).folder
    after = load_classifier(folder, corrected=True)
    assert after.groups is not None
    assert not np.array_equal(after.linear.weight, before)
    np.testing.assert_array_equal(after.linear.weight, load_classifier(folder).linear.weight)


def test_one_cluster_cannot_be_trained_on(run_path: Path) -> None:
    first, *others = sorted(read_labels(Run(run_path)).sizes())
    with pytest.raises(UsageError, match="a classifier needs two"):
        relabel(
            run_path,
            Corrections(edits=(Merge(clusters=tuple(others), into=first),)),
            retrain=True,
        )
    assert not (run_path / files.CORRECTIONS).exists()


def test_a_run_without_labels_is_told_what_to_do(run_path: Path) -> None:
    (run_path / files.LABELS).unlink()
    with pytest.raises(UclsError, match="run first: ucls self-train"):
        relabel(run_path, Corrections())
