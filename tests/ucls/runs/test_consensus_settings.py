from typing import Any

import pytest

from ucls.ensemble.methods import METHODS, methods_with
from ucls.errors import UsageError
from ucls.runs.consensus_settings import entry_name, used_settings, vary
from ucls.settings.config import Config

OWN = Config().with_values({"ensemble.heads": "best"})
FOR_ALL = {"method", "heads", "drop_collapsed", "weights", "keep_k"}


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("mcla", {"min_jaccard", "vertex_weights", "revote"}),
        ("vote", set()),
        ("hbgf", {"imbalance"}),
        ("nmf", set()),
        ("all", {"min_jaccard", "vertex_weights", "revote", "imbalance"}),
    ],
)
def test_settings_that_have_a_part(method: str, options: set[str]) -> None:
    assert used_settings(vary(OWN, {"method": method})).keys() == FOR_ALL | options


@pytest.mark.parametrize(
    ("variant", "name"),
    [
        ({}, "mcla"),
        ({"heads": "0-4,7"}, "mcla[0-4,7]"),
        ({"revote": False}, "mcla[revote=false]"),
        ({"vertex_weights": "size", "keep_k": True}, "mcla[keep_k=true,vertex_weights=size]"),
        ({"method": "vote", "heads": "best:4", "weights": "loss"}, "vote[best:4,weights=loss]"),
        ({"method": "hgpa", "imbalance": 0.25}, "hgpa[imbalance=0.25]"),
    ],
)
def test_names_tell_what_differs(variant: dict[str, Any], name: str) -> None:
    assert entry_name(used_settings(vary(OWN, variant)), OWN.ensemble) == name


def test_names_are_relative_to_the_runs_own_settings() -> None:
    own = OWN.with_values({"ensemble.imbalance": 2, "ensemble.weights": "loss"})
    settings = used_settings(vary(OWN, {"method": "cspa"}))
    assert entry_name(settings, own.ensemble) == "cspa[weights=equal,imbalance=auto]"
    assert entry_name(settings, OWN.ensemble) == "cspa"


@pytest.mark.parametrize("name", ["min_jaccard", "vertex_weights", "revote", "imbalance"])
@pytest.mark.parametrize("method", METHODS)
def test_an_option_that_the_method_does_not_use(name: str, method: str) -> None:
    value = {"vertex_weights": "size", "revote": False}.get(name, 0.5)
    if method in methods_with(name):
        assert getattr(vary(OWN, {"method": method, name: value}), name) == value
        return
    users = ", ".join([*methods_with(name), "all"])
    message = f"{name} has no part in the method {method}, it is used by {users}:"
    with pytest.raises(UsageError, match=message):
        vary(OWN, {"method": method, name: value})


def test_a_wrong_name_or_value() -> None:
    with pytest.raises(UsageError, match=r"ensemble\.head: no such setting; .* ensemble\.heads"):
        vary(OWN, {"head": "0"})
    with pytest.raises(UsageError, match=r"ensemble\.keep_k: .*'perhaps'"):
        vary(OWN, {"keep_k": "perhaps"})
