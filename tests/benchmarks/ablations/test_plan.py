from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.ablations.plan import Plan, row_facts
from benchmarks.ablations.study import Study, load_studies
from benchmarks.jobs import Job
from ucls.cache import read_graph
from ucls.config import Config
from ucls.errors import UsageError
from ucls.runs.labels import known_labels
from ucls.runs.run import Run
from ucls.sources import Source, load_source

STUDIES = load_studies()
COMPONENTS, SWEEP, HEADS, SMOOTHING, LOSSES = STUDIES.values()
DIGITS = load_source("digits")


def plan(study: Study, source: Source = DIGITS, **choices: Any) -> Plan:
    return Plan(study, source, range(2, 4), **choices)


def config(study: Study, row: int, source: Source = DIGITS, **choices: Any) -> Config:
    return plan(study, source, **choices).config(study.variants[row], 3)


def first_job(made: Plan) -> Job:
    return made.jobs(Path("runs"), Path("out"))[0]


def test_the_user_wins_over_the_study_and_the_preset() -> None:
    made = config(HEADS, 0)
    assert (made.train.scales, made.merge.linkage, made.ensemble.heads) == ((1,), "none", "all")
    assert (made.train.early_stopping, made.train.n_smoothing) == (False, 1)
    assert (made.seed, made.train.n_heads) == (3, 10)
    given = {"train.epochs": 5, "train.warmup_epochs": 1, "train.n_smoothing": 2}
    made = config(HEADS, 1, preset="imagenet100", given=given)
    assert (made.train.epochs, made.train.n_smoothing) == (5, 2)
    assert (made.train.batch_size, made.extract.backbone) == (1024, "dinov2_vitl14_reg4")


def test_a_preset_leaves_alone_what_rows_and_source_say(blobs: Source) -> None:
    made = config(SMOOTHING, 1, blobs, preset="imagenet100")
    assert made.train.n_smoothing == 4
    assert (made.n_clusters, made.extract.backbone, made.features) == (None, None, None)


def test_rows_without_a_threshold_of_their_own_take_the_one_that_is_wanted() -> None:
    thesis, given = {"preset": "imagenet100"}, {"given": {"neighbors.threshold": 0.7}}
    for choices, expected in (({}, None), (thesis, 0.3), (given, 0.7)):
        assert config(COMPONENTS, 0, **choices).neighbors.threshold == 1.0
        assert config(COMPONENTS, -1, **choices).neighbors.threshold == expected


def test_the_preset_trains_as_the_study_did() -> None:
    temi, ours = (200, 20, 512, 1e-4), (200, 100, 1024, 1.25e-6)
    trained = (temi, ours, ours, (400, *ours[1:]), temi)
    for study, expected in zip(STUDIES.values(), trained, strict=True):
        assert config(study, 0).train.early_stopping is False
        for row in range(len(study.variants)):
            train = config(study, row, preset="imagenet100").train
            sizes = (train.epochs, train.warmup_epochs, train.batch_size)
            assert (*sizes, train.learning_rate) == expected


def test_a_setting_reaches_the_losses_that_heed_it() -> None:
    given = {"train.beta": 0.5, "train.teacher_temperature": 0.07}
    temi, scan = config(LOSSES, 0, given=given).train, config(LOSSES, 2, given=given).train
    assert (temi.beta, scan.beta) == (0.5, None)
    assert temi.teacher_temperature == scan.teacher_temperature == 0.07
    train = config(HEADS, 0, given={"train.objective": "turtle"}).train
    assert (train.objective, train.n_heads, train.n_smoothing) == ("turtle", 10, None)


@pytest.mark.parametrize(
    ("study", "choices", "message"),
    [
        (HEADS, {"given": {"train.n_heads": 3}}, r"vary.*--values"),
        (COMPONENTS, {"given": {"train.prior": "soft"}}, r"train\.prior is what the rows"),
        (SWEEP, {"given": {"neighbors.threshold": 0.5}}, "vary"),
        (HEADS, {"given": {"train.epoch": 3}}, "did you mean train"),
        (LOSSES, {"given": {"train.inner_steps": 3}}, "used by turtle"),
        (HEADS, {"preset": "imagenet-100"}, "no preset"),
    ],
)
def test_wrong_settings_are_told_before_anything_runs(
    study: Study, choices: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        plan(study, **choices)


def test_all_rows_come_with_one_seed_before_the_next(blobs: Source) -> None:
    jobs = plan(LOSSES, blobs).jobs(Path("runs"), Path("out"))
    assert [job.config.seed for job in jobs] == [2] * 4 + [3] * 4
    assert [job.name for job in jobs[:4]] == [variant.key for variant in LOSSES.variants]
    assert jobs[0].folder == Path("runs/losses-blobs/temi-baseline-seed2")
    assert jobs[0].record == Path("out/losses-blobs/temi-baseline-seed2.json")
    assert jobs[0].images == {"train": 120, "val": 40}


def test_a_record_is_known_by_images_and_settings(sources: Path, blobs: Source) -> None:
    with pytest.raises(UsageError, match="labels, and plain has none: give --labels folders"):
        plan(HEADS, load_source(str(sources / "plain.npy")))
    made = plan(LOSSES, blobs)
    settings = first_job(made).settings
    assert first_job(replace(made, device="cpu")).settings == settings
    others = [
        replace(made, given={"train.epochs": 90}),
        replace(made, source=load_source(str(sources / "blobs-val.npz"))),
    ]
    assert all(first_job(other).settings != settings for other in others)


def test_rows_about_patches_are_left_out_of_a_feature_file(tmp_path: Path, blobs: Source) -> None:
    fitted = plan(COMPONENTS, blobs).fit_to_features(tmp_path).study
    assert fitted.notes[-1] == "Without patch tokens + Feat. is left out."
    changed = {"features": "cls+patch"}
    for before, after in zip(COMPONENTS.variants[2:], fitted.variants[1:], strict=True):
        assert after.settings["features"] == "cls"
        assert {**after.settings, **changed} == before.settings


@pytest.mark.slow
def test_a_backbone_with_patches_has_all_rows(tmp_path: Path, photos: Path) -> None:
    given = {"extract.backbone": "timm/test_vit", "extract.weights": "random"}
    given |= {"extract.image_size": 32, "extract.workers": 0}
    made = plan(COMPONENTS, load_source(str(photos), labels="folders"), given=given)
    assert made.fit_to_features(tmp_path) == made


def test_neighbors_are_measured_against_labels(shared_run: Path) -> None:
    """Pair by pair; similarities are stored in float16."""
    graph = read_graph(shared_run / "neighbors.h5")
    labels = known_labels(Run(shared_run))["train"]
    first = np.repeat(np.arange(graph.n_images), np.diff(graph.indptr))
    is_right = labels[first] == labels[graph.indices]
    is_above = graph.similarity.astype(np.float32) > graph.threshold
    facts = row_facts("sinkhorn", shared_run)
    found = facts["neighbors"]
    assert facts["row"] == "sinkhorn"
    assert found["mean_count"] == len(first) / graph.n_images
    assert found["accuracy"] == pytest.approx(is_right.mean())
    assert found["accuracy_above"] == pytest.approx(is_right[is_above].mean())
    assert found["capped"] == graph.n_capped / graph.n_images
