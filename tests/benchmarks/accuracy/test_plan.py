from pathlib import Path

import pytest

from benchmarks.accuracy.plan import Outcome
from tests.benchmarks.accuracy.samples import make_plan
from ucls.errors import UsageError


def test_a_wrong_setting_is_found_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"train\.epoch: no such setting; did you mean"):
        make_plan(tmp_path, "digits", overrides={"train.epoch": 1}).check()
    with pytest.raises(UsageError, match="--first-seed"):
        make_plan(tmp_path, "digits", overrides={"seed": 1}).check()
    with pytest.raises(UsageError, match="cuda:77"):
        make_plan(tmp_path, "digits", device="cuda:77").check()
    make_plan(tmp_path, "digits", "cifar10").check()


def test_the_settings_of_a_plan_are_those_of_its_objective(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, "cifar10", objective="scan", overrides={"train.epochs": 5})
    settings = plan.settings(plan.benchmarks[0])
    assert (settings["train.objective"], settings["train.epochs"]) == ("scan", 5)
    assert "train.beta" not in settings


def test_an_outcome_is_about_a_dataset_or_a_seed() -> None:
    assert Outcome("digits", None, "failed").title == "digits"
    assert Outcome("digits", 2, "ran").title == "digits, seed 2"
