from pathlib import Path
from typing import Any

import pytest

from ucls.errors import UsageError
from ucls.settings.config import Config
from ucls.settings.given import gather, known_objective, parse_setting, read_toml
from ucls.settings.objectives import objective_names
from ucls.settings.presets import PRESETS, preset


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train.epochs=50", ("train.epochs", 50)),
        ("train.beta = 0.6", ("train.beta", 0.6)),
        ("train.batch_norm=false", ("train.batch_norm", False)),
        ("ensemble.heads=0-4,7", ("ensemble.heads", "0-4,7")),
        ('ensemble.heads="3"', ("ensemble.heads", "3")),
        ("extract.weights=/a b/c=d.safetensors", ("extract.weights", "/a b/c=d.safetensors")),
        ("self_train.learning_rates=[0.1, 0.2]", ("self_train.learning_rates", [0.1, 0.2])),
        ("neighbors.cap=none", ("neighbors.cap", "none")),
    ],
)
def test_values_are_toml_or_else_text(text: str, expected: tuple[str, object]) -> None:
    assert parse_setting(text) == expected


@pytest.mark.parametrize("text", ["train.epochs", "=5", ""])
def test_a_setting_needs_a_name_and_a_value(text: str) -> None:
    with pytest.raises(UsageError, match=r"expected --set NAME=VALUE such as train.epochs=50, got"):
        parse_setting(text)


def test_the_more_specific_wins(tmp_path: Path) -> None:
    config = tmp_path / "a.toml"
    config.write_text("seed = 1\nn_clusters = 7\n[train]\nepochs = 2\nbeta = 0.7\n")
    values = gather(
        preset="cifar20",
        config=config,
        settings=["train.beta=0.8", "seed=2"],
        seed=3,
        extract__strict=None,
    )
    assert values["train.n_heads"] == PRESETS["cifar20"].get("train.n_heads", 50)
    assert values["n_clusters"] == 7
    assert values["train.epochs"] == 2
    assert values["train.beta"] == 0.8
    assert values["seed"] == 3
    assert "extract.strict" not in values


@pytest.mark.parametrize("where", ["option", "setting", "file"])
def test_a_preset_leaves_out_what_the_objective_does_not_heed(tmp_path: Path, where: str) -> None:
    (tmp_path / "a.toml").write_text("[train]\nobjective = 'turtle'\n")
    given: dict[str, Any] = {
        "option": {"train__objective": "turtle"},
        "setting": {"settings": ["train.objective=turtle"]},
        "file": {"config": tmp_path / "a.toml"},
    }[where]
    values = gather(preset="cifar10", **given)
    assert values == preset("cifar10", objective="turtle") | {"train.objective": "turtle"}
    assert "train.beta" not in values
    assert Config().with_values(values).train.objective == "turtle"


def test_the_objective_of_an_option_counts_not_that_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[train]\nobjective = 'turtle'\n")
    values = gather(preset="cifar10", config=tmp_path / "a.toml", train__objective="temi")
    assert values["train.objective"] == "temi"
    assert values["train.beta"] == 0.6


def test_a_setting_that_is_given_stays_and_is_found_out_later() -> None:
    values = gather(preset="cifar10", settings=["train.beta=0.7"], train__objective="scan")
    assert values["train.beta"] == 0.7
    with pytest.raises(UsageError, match="beta has no part in the objective scan"):
        Config().with_values(values)


@pytest.mark.parametrize("objective", ["dino", 3, None])
def test_an_objective_that_is_not_known_is_found_out_later(objective: object) -> None:
    assert known_objective({"train.objective": objective}) == "ucls"
    with pytest.raises(UsageError, match=r"train\.objective: input should be 'ucls', 'temi'"):
        Config().with_values(gather(preset="cifar10") | {"train.objective": objective})


def test_what_is_no_name_is_no_objective() -> None:
    assert known_objective({"train.objective": ["scan"]}) == "ucls"


def test_known_objectives() -> None:
    assert [known_objective({"train.objective": name}) for name in objective_names()] == list(
        objective_names()
    )
    assert known_objective({}) == "ucls"


def test_an_option_with_a_section(tmp_path: Path) -> None:
    assert gather(extract__backbone="pixels") == {"extract.backbone": "pixels"}


def test_files_that_are_no_toml(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no file .*a\.toml; expected a TOML file"):
        read_toml(tmp_path / "a.toml")
    with pytest.raises(UsageError, match="there is no file"):
        read_toml(tmp_path)
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="is not text in UTF-8, as TOML must be: save it so"):
        read_toml(tmp_path / "a.toml")
    (tmp_path / "a.toml").write_text("seed = ")
    with pytest.raises(UsageError, match="is not valid TOML"):
        read_toml(tmp_path / "a.toml")


def test_what_is_wrong_in_a_file_is_told_of_it_unless_it_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("seed = 'x'\n[train]\nepochs = 0\n")
    with pytest.raises(UsageError) as caught:
        gather(config=path, seed=3)
    at_least = "input should be greater than or equal to 1"
    assert str(caught.value) == f"{path}: train.epochs: {at_least}, but it is 0"
    assert gather(config=path, settings=["train.epochs=2"], seed=3)["train.epochs"] == 2
    assert gather(config=path, of_run=False)["seed"] == "x"


def test_a_file_may_have_dotted_names(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("'train.epochs' = 5\n[train]\nbeta = 0.7\n")
    assert gather(config=tmp_path / "a.toml") == {"train.epochs": 5, "train.beta": 0.7}


def test_settings_of_a_file_that_others_may_make_right_are_found_out_later(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[train]\nbeta = 0.7\nobjective = 'scan'\n")
    values = gather(config=tmp_path / "a.toml", train__objective="temi")
    assert Config().with_values(values).train.beta == 0.7
