import pytest

from benchmarks.ablations.settings import (
    Choices,
    check_choices,
    parse_threshold,
    parse_values,
    run_config,
)
from benchmarks.ablations.study import Study, load_studies
from ucls.config import Config
from ucls.errors import UsageError

STUDIES = load_studies()
COMPONENTS, SWEEP, HEADS, SMOOTHING, LOSSES = STUDIES.values()


def config(study: Study, row: int, *, has_images: bool = True, **choices: object) -> Config:
    return run_config(study, study.variants[row], Choices(**choices), has_images=has_images, seed=3)


@pytest.mark.parametrize("preset", [None, "imagenet100", "cifar20"])
@pytest.mark.parametrize("name", STUDIES)
def test_every_study_can_be_run(name: str, preset: str | None) -> None:
    check_choices(STUDIES[name], Choices(preset=preset))


def test_heads_are_not_merged_and_all_of_them_count() -> None:
    made = config(HEADS, 0)
    assert made.train.scales == (1,)
    assert made.merge.linkage == "none"
    assert made.ensemble.heads == "all"
    assert made.train.early_stopping is False
    assert made.train.n_smoothing == 1
    assert (made.seed, made.train.n_heads) == (3, 10)


def test_the_user_wins_over_the_study_and_the_preset() -> None:
    given = {"train.epochs": 5, "train.warmup_epochs": 1, "train.n_smoothing": 2}
    made = config(HEADS, 1, preset="imagenet100", given=given)
    assert (made.train.epochs, made.train.n_smoothing) == (5, 2)
    assert made.train.batch_size == 1024


@pytest.mark.parametrize(
    ("study", "epochs", "warmup", "batch", "rate"),
    [
        (COMPONENTS, 200, 20, 512, 1e-4),
        (LOSSES, 200, 20, 512, 1e-4),
        (SWEEP, 200, 100, 1024, 1.25e-6),
        (HEADS, 200, 100, 1024, 1.25e-6),
        (SMOOTHING, 400, 100, 1024, 1.25e-6),
    ],
)
def test_the_preset_trains_as_the_study_did(
    study: Study, epochs: int, warmup: int, batch: int, rate: float
) -> None:
    for row in range(len(study.variants)):
        train = config(study, row, preset="imagenet100").train
        assert (train.epochs, train.warmup_epochs, train.batch_size) == (epochs, warmup, batch)
        assert train.learning_rate == rate


def test_a_preset_leaves_alone_what_the_rows_and_the_source_say() -> None:
    made = config(SMOOTHING, 1, preset="imagenet100", has_images=False)
    assert made.train.n_smoothing == 4
    assert made.n_clusters is None
    assert made.extract.backbone is None
    assert made.features is None
    with_images = config(SMOOTHING, 1, preset="imagenet100")
    assert with_images.extract.backbone == "dinov2_vitl14_reg4"


@pytest.mark.parametrize(
    ("choices", "expected"),
    [({}, None), ({"preset": "imagenet100"}, 0.3), ({"threshold": 0.7}, 0.7)],
)
def test_adaptive_rows_take_the_threshold_that_is_wanted(
    choices: dict[str, object], expected: float | None
) -> None:
    assert config(COMPONENTS, 0, **choices).neighbors.threshold == 1.0
    assert config(COMPONENTS, -1, **choices).neighbors.threshold == expected


def test_a_setting_reaches_the_losses_that_heed_it() -> None:
    given = {"train.beta": 0.5, "train.teacher_temperature": 0.07}
    check_choices(LOSSES, Choices(given=given))
    temi, scan = config(LOSSES, 0, given=given).train, config(LOSSES, 2, given=given).train
    assert (temi.beta, scan.beta) == (0.5, None)
    assert temi.teacher_temperature == scan.teacher_temperature == 0.07


def test_a_sweep_can_be_of_another_objective() -> None:
    given = {"train.objective": "turtle"}
    check_choices(HEADS, Choices(given=given))
    train = config(HEADS, 0, given=given).train
    assert (train.objective, train.n_heads, train.n_smoothing) == ("turtle", 10, None)


@pytest.mark.parametrize(
    ("study", "choices", "message"),
    [
        (HEADS, {"given": {"train.n_heads": 3}}, r"vary.*--values"),
        (COMPONENTS, {"given": {"neighbors.threshold": 0.5}}, r"vary.*--threshold"),
        (COMPONENTS, {"given": {"train.prior": "soft"}}, r"train\.prior is what the rows"),
        (SWEEP, {"threshold": 0.5}, "leave --threshold out"),
        (HEADS, {"given": {"n_clusters": 3}}, "give -k instead"),
        (HEADS, {"given": {"train.epoch": 3}}, "did you mean train"),
        (LOSSES, {"given": {"train.inner_steps": 3}}, "used by turtle"),
        (HEADS, {"preset": "imagenet-100"}, "no preset"),
    ],
)
def test_wrong_settings_are_told_before_anything_runs(
    study: Study, choices: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        check_choices(study, Choices(**choices))


def test_thresholds_and_values_are_read() -> None:
    assert [parse_threshold(text) for text in ("auto", "0.4", "typical")] == [None, 0.4, "typical"]
    assert parse_values("10, 20,10") == [10.0, 20.0]
    with pytest.raises(UsageError, match="'1,x'"):
        parse_values("1,x")
