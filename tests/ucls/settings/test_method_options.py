from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from ucls.ensemble.methods import all_options
from ucls.ensemble.options import Choice, Flag, Number, Option
from ucls.settings.method_options import option_value, setting_field, setting_type


@pytest.mark.parametrize(
    ("kind", "given", "taken"),
    [
        (Flag(), "no", False),
        (Choice(("a", "b")), "b", "b"),
        (Number(int, 1, 5), "5", 5),
        (Number(float), -1e9, -1e9),
        (Number(float, 0.0, 1.0), 0, 0.0),
    ],
)
def test_a_setting_takes_what_the_option_does(kind: Any, given: object, taken: object) -> None:
    value = TypeAdapter(setting_type(kind)).validate_python(given)
    assert (value, type(value)) == (taken, type(taken))


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (Flag(), "perhaps"),
        (Choice(("a", "b")), "c"),
        (Number(int, 1, 5), 2.5),
        (Number(int, 1, 5), 6),
        (Number(float, 0.0, 1.0), float("nan")),
        (Number(float, 0.0, 1.0, open_below=True), 0.0),
    ],
)
def test_a_setting_refuses_what_the_option_does(kind: Any, given: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(setting_type(kind)).validate_python(given)


def test_what_is_left_to_the_method_is_auto() -> None:
    imbalance, min_jaccard = all_options()["imbalance"], all_options()["min_jaccard"]
    assert setting_field(imbalance)[1] == "auto"
    assert setting_field(min_jaccard)[1] == 0.02
    assert option_value(imbalance, "auto") is None
    assert option_value(imbalance, 0.5) == 0.5
    named = Option("mode", Choice(("auto", "fast")), "auto", "how.")
    assert option_value(named, "auto") == "auto"


def test_every_setting_is_a_value_of_its_option() -> None:
    for option in all_options().values():
        _, default = setting_field(option)
        assert option.check(option_value(option, default)) == option.default
