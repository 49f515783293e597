from typing import Any

import pytest

from tests.conftest import Lines
from tests.ucls.runs.test_resolve import DATA
from ucls.runs.resolve import ExtractedData
from ucls.runs.time_limit import estimate_training, fitting_effort
from ucls.settings.config import Config, Effort
from ucls.settings.fitting_train import EFFORTS
from ucls.settings.objectives import objective_names
from ucls.training.trainer import HeadTrainer

TAKES = {"thorough": 1000.0, "normal": 100.0, "quick": 10.0}


def asked(**settings: Any) -> Config:
    values = {name.replace("__", "."): value for name, value in settings.items()}
    return Config(n_clusters=4, time_limit="10m").with_values(values)


def data_of(n_images: int) -> ExtractedData:
    return DATA.model_copy(update={"n_images": n_images})


@pytest.mark.parametrize(
    ("limit", "elapsed", "effort"),
    [
        ("22m", 0.0, "thorough"),
        ("0.5h", 400.0, "thorough"),
        ("22m", 30.0, "normal"),
        ("131s", 0.0, "normal"),
        ("129s", 0.0, "quick"),
        ("1s", 0.0, "quick"),
        ("10m", 700.0, "quick"),
    ],
)
def test_the_most_thorough_effort_that_fits_what_is_left(
    limit: str, elapsed: float, effort: str, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ucls.runs.time_limit.estimate_training", lambda *asked: TAKES[asked[-1]])
    requested = asked(time_limit=limit)
    assert fitting_effort(requested, DATA, elapsed=elapsed, reporter=lines) == effort
    (said,) = lines.said
    assert said.startswith(f"time limit {limit}: effort {effort}, at most ")
    assert ("more than the limit leaves" in said) == (limit == "1s" or elapsed == 700.0)


@pytest.mark.parametrize("objective", objective_names())
@pytest.mark.parametrize("n_images", [5, 100])
def test_every_objective_is_measured_on_images_of_any_number(objective: str, n_images: int) -> None:
    requested = asked(train__objective=objective)
    assert 0 < estimate_training(requested, data_of(n_images), "quick") < 1000


@pytest.mark.parametrize("effort", EFFORTS)
def test_a_training_is_all_steps_of_all_groups(
    effort: Effort, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[HeadTrainer] = []

    def measure(trainer: HeadTrainer) -> float:
        measured.append(trainer)
        return 0.5

    monkeypatch.setattr("ucls.training.timing.seconds_per_step", measure)
    seconds = estimate_training(asked(), data_of(5000), effort)
    work, (trainer,) = EFFORTS[effort], measured
    assert trainer.objective.heads.n_heads == work.heads_at_once
    assert trainer.data.n_features == 16
    groups = work.n_heads / work.heads_at_once + 1  # the first may give way to others
    assert seconds == pytest.approx(0.5 * work.epochs * (5000 // 512) * groups)
    assert len(trainer.data) == 4 * 512


def test_settings_that_are_given_hold_for_the_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ucls.training.timing.seconds_per_step", lambda _: 2.0)
    requested = asked(train__n_heads=3, train__epochs=7, train__batch_size=10)
    for effort in EFFORTS:
        assert estimate_training(requested, data_of(100), effort) == 2.0 * 7 * 10
