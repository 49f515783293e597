import subprocess
import sys

import pytest
from pydantic import ValidationError

from ucls.settings.config import TrainConfig
from ucls.settings.objectives import RECORDS, objective_names, special_settings, unused_settings

every_objective = pytest.mark.parametrize("name", objective_names())


@every_objective
def test_every_option_is_a_setting_of_the_training(name: str) -> None:
    assert set(RECORDS[name].options) <= set(TrainConfig.model_fields)


def test_every_objective_has_options_and_none_is_unknown() -> None:
    assert tuple(RECORDS) == objective_names()
    assert len(set(objective_names())) == len(objective_names())
    assert {name for record in RECORDS.values() for name in record.options} == special_settings()


def test_what_not_every_objective_heeds_is_open_unless_given() -> None:
    assert {n: TrainConfig.model_fields[n].default for n in special_settings()} == dict.fromkeys(
        special_settings()
    )


@every_objective
def test_the_values_of_the_options_are_valid(name: str) -> None:
    values = {n: v for n, v in RECORDS[name].options.items() if n != "prior_strength"}
    config = TrainConfig(objective=name, **values)
    assert {n: getattr(config, n) for n in values} == values
    if "prior" in values:
        options = {n: v for n, v in RECORDS[name].options.items() if n != "marginal_momentum"}
        soft = TrainConfig(objective=name, **{**options, "prior": "soft"})
        assert soft.prior_strength == RECORDS[name].options["prior_strength"]


@every_objective
def test_only_settings_of_other_objectives_are_unused(name: str) -> None:
    given = dict.fromkeys(TrainConfig.model_fields, 1)
    unused = unused_settings(name, given)
    assert set(unused) == special_settings() - set(RECORDS[name].options)
    for option, users in unused.items():
        assert users
        assert name not in users
        assert users == [other for other in objective_names() if option in RECORDS[other].options]


@every_objective
def test_what_is_not_given_is_never_unused(name: str) -> None:
    assert unused_settings(name, dict.fromkeys(TrainConfig.model_fields)) == {}
    assert unused_settings(name, {}) == {}


def test_a_value_of_zero_or_false_is_given_too() -> None:
    given = {"entropy_weight": 0.0, "symmetric": False, "learnable_classifier": False}
    assert unused_settings("uic", given) == {
        "entropy_weight": ["scan", "c2bin", "turtle"],
        "symmetric": ["ucls", "temi"],
        "learnable_classifier": ["self-classifier"],
    }


def test_a_training_refuses_settings_that_its_objective_does_not_heed() -> None:
    TrainConfig(objective="scan", entropy_weight=2.0)
    with pytest.raises(ValidationError, match=r"entropy_weight .* scan, c2bin, turtle"):
        TrainConfig(objective="ucls", entropy_weight=2.0)
    with pytest.raises(ValidationError, match=r"symmetric .* ucls, temi"):
        TrainConfig(objective="turtle", symmetric=False)
    with pytest.raises(ValidationError, match="prior_strength"):
        TrainConfig(prior="uniform", prior_strength=0.5)


def test_the_thesis_and_temi_differ_in_the_thesis_enhancements() -> None:
    ucls, temi = RECORDS["ucls"].options, RECORDS["temi"].options
    assert set(ucls) == set(temi)
    differ = {name: (ucls[name], temi[name]) for name in ucls if ucls[name] != temi[name]}
    assert differ == {
        "prior": ("uniform", "none"),
        "symmetric": (False, True),
        "cross_entropy": (0.5, 0.0),
        "n_smoothing": (4, 1),
    }


def test_checking_settings_loads_no_torch() -> None:
    code = "import sys, ucls.settings.objectives; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
