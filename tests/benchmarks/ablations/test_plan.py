from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.ablations.plan import Places, Plan, extract_for
from benchmarks.ablations.settings import Choices
from benchmarks.ablations.studies import COMPONENTS, LOSSES, SWEEP
from ucls.errors import UsageError
from ucls.sources import Source, load_source


def test_a_source_without_labels_is_refused(sources: Path) -> None:
    plain = load_source(str(sources / "plain.npy"))
    with pytest.raises(UsageError, match="need labels, and plain has none: give --labels folders"):
        Plan(COMPONENTS, plain, Choices(n_clusters=4), range(1))


def test_wrong_settings_are_refused_too(blobs_source: Source) -> None:
    with pytest.raises(UsageError, match=r"train\.epochs"):
        Plan(COMPONENTS, blobs_source, Choices(given={"train.epochs": 0}), range(1))


def test_all_rows_come_with_one_seed_before_the_next(blobs_source: Source) -> None:
    plan = Plan(LOSSES, blobs_source, Choices(), range(2, 4))
    runs = list(plan.runs())
    assert [seed for _, seed in runs] == [2] * 4 + [3] * 4
    assert [variant for variant, _ in runs[:4]] == list(LOSSES.variants)


def test_equal_runs_of_different_studies_have_one_key(blobs_source: Source) -> None:
    losses, components = (
        Plan(study, blobs_source, Choices(), range(1)) for study in (LOSSES, COMPONENTS)
    )
    enhanced, complete = LOSSES.variants[1], COMPONENTS.variants[-1]
    assert losses.key(enhanced, 0) == components.key(complete, 0)


def test_the_key_tells_images_settings_and_seeds_apart(sources: Path, blobs_source: Source) -> None:
    plan, row = Plan(SWEEP, blobs_source, Choices(), range(2)), SWEEP.variants[0]
    keys = {
        plan.key(row, 0),
        plan.key(row, 1),
        plan.key(SWEEP.variants[1], 0),
        replace(plan, choices=Choices(given={"train.epochs": 9})).key(row, 0),
        replace(plan, source=load_source(str(sources / "blobs-val.npz"))).key(row, 0),
    }
    assert len(keys) == 5
    assert replace(plan, choices=Choices(device="cpu")).key(row, 0) in keys


def test_rows_about_patches_are_left_out_of_a_feature_file(
    tmp_path: Path, blobs_source: Source
) -> None:
    plan = Plan(COMPONENTS, blobs_source, Choices(), range(1))
    fitted, left_out = extract_for(plan, Places(tmp_path / "runs", tmp_path / "record.json"))
    assert list(left_out) == ["+ Feat."]
    assert len(fitted.study.variants) == len(COMPONENTS.variants) - 1


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
    fitted, left_out = extract_for(plan, Places(tmp_path / "runs", tmp_path / "record.json"))
    assert fitted == plan
    assert not left_out
