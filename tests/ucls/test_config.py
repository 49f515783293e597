import re
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from ucls.config import (
    Config,
    ConsensusMethod,
    TrainConfig,
    config_problems,
    read_config,
    required,
    setting_names,
)
from ucls.ensemble.methods import METHOD_NAMES
from ucls.errors import UsageError


def problem_with(name: str, value: object) -> str:
    with pytest.raises(UsageError) as caught:
        Config().with_values({name: value})
    return str(caught.value)


def test_values_replace_by_dotted_name_and_leave_the_rest() -> None:
    before = Config(seed=3)
    after = before.with_values(
        {"train.epochs": 50, "n_clusters": 7, "neighbors.threshold": "typical", "features": "cls"}
    )
    assert (after.train.epochs, after.n_clusters, after.seed) == (50, 7, 3)
    assert (after.neighbors.threshold, after.features) == ("typical", "cls")
    assert before == Config(seed=3)
    changed = after.train.model_dump() | {"epochs": None}
    assert TrainConfig(**changed) == before.train


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        Config().with_values(
            {"train.epochs": 0, "neighbors.k": "many", "seed": -1, "colour": 1, "n_clusters": 1}
        )
    assert sorted(str(caught.value).split("; ")) == [
        "colour: no such setting",
        "n_clusters: input should be greater than or equal to 2, but it is 1",
        "neighbors.k: input should be a valid integer, unable to parse string as an integer, "
        "but it is 'many'",
        "seed: input should be greater than or equal to 0, but it is -1",
        "train.epochs: input should be greater than or equal to 1, but it is 0",
    ]
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("epochs", "train.epochs"),
        ("train.epoch", "train.epochs"),
        ("train.batch_sizes", "train.batch_size"),
        ("neighbors.knn", "neighbors.k"),
        ("neighbors.cap_keep", "neighbors.cap_keeps"),
        ("seeds", "seed"),
    ],
)
def test_unknown_names_suggest_a_near_one(name: str, meant: str) -> None:
    assert problem_with(name, 3) == f"{name}: no such setting; did you mean {meant}?"


def test_an_unknown_section_suggests_a_near_one() -> None:
    expected = "selftrain: no such setting; did you mean self_train?"
    assert problem_with("selftrain.iterations", 3) == expected


def test_an_unknown_name_hides_no_problem_of_the_setting_it_begins_with() -> None:
    problems = config_problems({"train": {"epochs": 0, "epochs_long": 5}})
    assert [problem.partition(":")[0] for problem in problems] == [
        "train.epochs",
        "train.epochs_long",
    ]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("train.beta", 0.0, "greater than 0, but it is 0.0"),
        ("train.beta", float("nan"), "but it is nan"),
        ("train.learning_rate", float("inf"), "finite"),
        ("train.teacher_momentum", 1.0, "less than 1"),
        ("train.batch_size", 1, "greater than or equal to 2"),
        ("train.precision", "float16", "'float32' or 'bfloat16'"),
        ("device", "gpu", "pattern"),
        ("ensemble.heads", "0-4,x", "ranges such as 0-4,7, but it is '0-4,x'"),
        ("ensemble.heads", "best:0", "expected all, best, best:16, anmi, anmi:16, or numbers"),
        ("ensemble.heads", "anmi:x", "but it is 'anmi:x'"),
        ("ensemble.heads", "", "but it is ''"),
        ("ensemble.method", "best", "'mcla', 'vote', 'hbgf', 'cspa', 'nmf', 'hgpa' or 'all'"),
        ("ensemble.weights", "half", "'equal', 'agreement' or 'loss'"),
        ("ensemble.vertex_weights", "none", "'unit' or 'size'"),
        ("ensemble.imbalance", 0, "greater than 0 or input should be 'auto', but it is 0"),
        ("self_train.learning_rates", (), "at least 1 item"),
        ("self_train.learning_rates", (0.1, -1.0), "greater than 0, but it is -1.0"),
        ("self_train.holdout", 1.0, "less than 1"),
        ("train", 5, "valid dictionary"),
    ],
)
def test_wrong_values(name: str, value: object, expected: str) -> None:
    problem = problem_with(name, value)
    assert problem.startswith(f"{name}: ")
    assert expected in problem


@pytest.mark.parametrize("value", [2, -1.5, "often", float("nan")])
def test_a_setting_of_several_kinds_names_all_of_them_once(value: object) -> None:
    problem = problem_with("neighbors.threshold", value)
    assert problem.count("neighbors.threshold") == 1
    assert " or input should be 'typical'" in problem
    assert problem.endswith(f"but it is {value!r}")


def test_warmup_must_fit_into_the_training() -> None:
    problem = problem_with("train", {"epochs": 5, "warmup_epochs": 6})
    assert problem == "train: warmup_epochs (6) must not exceed epochs (5)"
    config = Config().with_values({"train.epochs": 5, "train.warmup_epochs": 5})
    assert config.train.warmup_epochs == 5
    assert Config().with_values({"train.warmup_epochs": 500}).train.warmup_epochs == 500


def test_config_problems_of_good_settings_are_none() -> None:
    assert config_problems({}) == []
    assert config_problems(Config().model_dump()) == []
    assert config_problems({"train": {"epochs": 5}, "n_clusters": 3}) == []


@pytest.mark.parametrize("mode", ["python", "json"])
def test_a_dump_reads_back(mode: Any) -> None:
    config = Config().with_values(
        {
            "n_clusters": 12,
            "neighbors.threshold": "typical",
            "neighbors.cap": 9,
            "self_train.learning_rates": [0.1, 0.2],
            "train.n_smoothing": 4,
        }
    )
    assert read_config(config.model_dump(mode=mode)) == config
    assert read_config(config.model_dump(mode=mode, exclude_none=True)) == config


def test_settings_never_change() -> None:
    config = Config()
    with pytest.raises(ValidationError, match="frozen"):
        config.seed = 1  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        config.train.epochs = 1  # type: ignore[misc]


@pytest.mark.parametrize("heads", ["all", "best", "best:16", "anmi", "anmi:2", "0-4,7", "3"])
def test_selections_of_heads(heads: str) -> None:
    assert Config().with_values({"ensemble.heads": heads}).ensemble.heads == heads


def test_selections_of_heads_lose_their_spaces() -> None:
    assert Config().with_values({"ensemble.heads": " 0 - 4, 7"}).ensemble.heads == "0-4,7"
    with pytest.raises(UsageError, match="but it is '1 2'"):
        Config().with_values({"ensemble.heads": "1 2"})


def test_the_methods_of_the_consensus_are_those_there_are() -> None:
    assert get_args(ConsensusMethod) == METHOD_NAMES


def test_setting_names_are_all_settable() -> None:
    names, config = setting_names(), Config()
    assert len(names) == len(set(names))
    assert {"seed", "train.epochs", "self_train.learning_rates"} <= set(names)
    assert not {"train", "neighbors"} & set(names)
    for name in names:
        value: Any = config
        for part in name.split("."):
            value = getattr(value, part)
        assert config.with_values({name: value}) == config


def test_defaults_are_those_of_the_thesis() -> None:
    train = Config().train
    assert (train.student_temperature, train.teacher_temperature) == (0.1, 0.1)
    assert (train.beta, train.marginal_momentum, train.weight_decay) == (0.6, 0.9, 1e-4)
    assert (train.sinkhorn_iterations, train.cross_entropy) == (3, 0.5)
    assert (train.batch_norm, train.instance_weights, train.symmetric) == (True, True, False)
    expected = [m * 10.0**-e for e in (5, 4, 3, 2) for m in (1, 2, 5)] + [0.1]
    assert Config().self_train.learning_rates == pytest.approx(expected)
    assert (Config().neighbors.cap, Config().neighbors.cap_keeps) == ("balanced", "nearest")


def test_required() -> None:
    assert required(0) == 0
    with pytest.raises(ValueError, match=re.escape("pass them through autoconfigure first")):
        required(None)
