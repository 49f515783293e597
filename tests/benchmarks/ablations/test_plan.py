from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.ablations.plan import Plan, Results, fit_to_features, neighbor_figures
from benchmarks.ablations.settings import Choices
from benchmarks.ablations.study import find_study
from benchmarks.jobs import Job
from ucls.cache import read_graph
from ucls.errors import UsageError
from ucls.sources import Source, load_source
from ucls.stages.labels import known_labels
from ucls.stages.run import Run

COMPONENTS, LOSSES = find_study("components"), find_study("losses")


def jobs_of(plan: Plan) -> list[Job]:
    return list(plan.jobs(runs_dir=Path("runs"), out=Path("out"), overwrite=True))


def test_wrong_settings_are_refused(blobs_source: Source) -> None:
    with pytest.raises(UsageError, match=r"train\.epochs"):
        Plan(COMPONENTS, blobs_source, Choices(given={"train.epochs": 0}), range(1))


def test_all_rows_come_with_one_seed_before_the_next(blobs_source: Source) -> None:
    jobs = jobs_of(Plan(LOSSES, blobs_source, Choices(), range(2, 4)))
    assert [job.config.seed for job in jobs] == [2] * 4 + [3] * 4
    assert [job.row for job in jobs[:4]] == [variant.key for variant in LOSSES.variants]
    assert jobs[0].folder == Path("runs/losses-blobs/temi-baseline-seed2")
    assert jobs[0].record == Path("out/losses-blobs/temi-baseline-seed2.json")
    assert jobs[0].images == {"train": 120, "val": 40}


def test_a_record_is_known_by_images_and_settings(sources: Path, blobs_source: Source) -> None:
    plan = Plan(LOSSES, blobs_source, Choices(), range(1))
    job, on_cpu, longer, other = (
        jobs_of(one)[0]
        for one in (
            plan,
            replace(plan, choices=Choices(device="cpu")),
            replace(plan, choices=Choices(given={"train.epochs": 90})),
            replace(plan, source=load_source(str(sources / "blobs-val.npz"))),
        )
    )
    assert (on_cpu.settings, on_cpu.content) == (job.settings, job.content)
    assert longer.settings != job.settings
    assert other.content != job.content


def test_rows_about_patches_are_left_out_of_a_feature_file(
    tmp_path: Path, blobs_source: Source
) -> None:
    plan = Plan(COMPONENTS, blobs_source, Choices(), range(1))
    fitted = fit_to_features(plan, tmp_path)
    assert list(fitted.left_out) == ["+ Feat."]
    assert len(fitted.study.variants) == len(COMPONENTS.variants) - 1
    assert {variant.settings["features"] for variant in fitted.study.variants} == {"cls"}
    changed = {"features": "cls+patch"}
    for before, after in zip(COMPONENTS.variants[2:], fitted.study.variants[1:], strict=True):
        assert {**after.settings, **changed} == before.settings


@pytest.mark.slow
def test_a_backbone_with_patches_has_all_rows(tmp_path: Path, photos: Path) -> None:
    untrained = {
        "extract.backbone": "timm/test_vit",
        "extract.weights": "random",
        "extract.image_size": 32,
        "extract.workers": 0,
    }
    source = load_source(str(photos), labels="folders")
    plan = Plan(COMPONENTS, source, Choices(given=untrained), range(1))
    assert fit_to_features(plan, tmp_path) == plan


def test_without_labels_of_val_those_of_train_count(make_results) -> None:
    results = make_results()
    assert results.split == "val"
    for val in (None, {"best_head": {"head": 0}}):
        trial = replace(results.trials[0], figures={"train": {}, "val": val})
        first = replace(results.outcomes[0], trial=trial)
        assert Results(results.plan, [first]).split == "train"


def test_neighbors_are_measured_against_labels(shared_run: Path) -> None:
    """Pair by pair; similarities are stored in float16."""
    graph, labels = (
        read_graph(shared_run / "neighbors.h5"),
        known_labels(Run(shared_run))["train"],
    )
    pairs = [
        (labels[row] == labels[other], similarity > graph.threshold)
        for row in range(graph.n_images)
        for other, similarity in zip(
            graph.indices[graph.indptr[row] : graph.indptr[row + 1]],
            graph.similarity[graph.indptr[row] : graph.indptr[row + 1]].astype(np.float32),
            strict=True,
        )
    ]
    found = neighbor_figures(shared_run)["neighbors"]
    assert found["mean_count"] == len(pairs) / graph.n_images
    assert np.isclose(found["accuracy"], np.mean([right for right, _ in pairs]))
    assert np.isclose(found["accuracy_above"], np.mean([right for right, above in pairs if above]))
    assert found["capped"] == graph.n_capped / graph.n_images
