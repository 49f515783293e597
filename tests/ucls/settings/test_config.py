import re
from typing import Any

import pytest
from pydantic import ValidationError

from ucls.errors import UsageError
from ucls.settings.config import (
    Config,
    EnsembleConfig,
    TrainConfig,
    config_problems,
    read_config,
    required,
    setting_names,
)
from ucls.settings.objectives import RECORDS, objective_names, special_settings


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
        "neighbors.k: input should be a valid integer, but it is 'many'",
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
        ("train.objective", "dino", "'ucls', 'temi', 'scan', 'self-classifier', 'uic', 'c2bin' or"),
        ("train.scales", (), "at least 1 item"),
        ("train.scales", (3, 0.5), "greater than or equal to 1, but it is 0.5"),
        ("train.scales", (101,), "less than or equal to 100"),
        ("train.scales", 3, "a list in brackets such as [1, 2], but it is 3"),
        ("train.views", "crop", "'neighbor', 'augmented', 'both' or 'itself'"),
        ("train.prior", "balanced", "'uniform', 'soft' or 'none'"),
        ("train.entropy_weight", -1.0, "greater than or equal to 0"),
        ("train.fixed_share", 1.5, "less than or equal to 1"),
        ("train.n_views", 1, "greater than or equal to 2"),
        ("train.inner_steps", 0, "greater than or equal to 1"),
        ("merge.linkage", "ward", "'auto', 'diffusion', 'spectral', 'average' or 'none'"),
        ("train.epochs", 1.5, "should be a valid integer, but it is 1.5"),
        ("train.batch_norm", "maybe", "should be true or false, but it is 'maybe'"),
        ("extract.image_size", "x", "integer or input should be a list in brackets such as [1, 2]"),
        ("device", "gpu", "expected auto, cpu, cuda, or one of several GPUs such as cuda:1, but"),
        ("device", "cuda:", "but it is 'cuda:'"),
        ("neighbors.prepare", "pca-0", "such as center-1, but it is 'pca-0'"),
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


VALUES: dict[str, Any] = {
    "hidden_dim": 64,
    "bottleneck_dim": 32,
    "teacher_momentum": 0.9,
    "student_temperature": 0.2,
    "teacher_temperature": 0.05,
    "prior": "soft",
    "prior_strength": 0.5,
    "sinkhorn_iterations": 2,
    "n_smoothing": 2,
    "marginal_momentum": 0.5,
    "beta": 0.7,
    "instance_weights": False,
    "symmetric": True,
    "cross_entropy": 0.0,
    "entropy_weight": 0.0,
    "n_views": 3,
    "column_temperature": 0.1,
    "learnable_classifier": False,
    "fixed_share": 0.0,
    "contrast_temperature": 0.5,
    "cluster_weight": 0.0,
    "components": 7,
    "inner_steps": 3,
    "inner_learning_rate": 0.01,
}
"""A value that differs from every default, for all that only some objectives heed."""


def test_there_is_a_value_for_every_special_setting() -> None:
    assert VALUES.keys() == special_settings()
    assert set(TrainConfig.model_fields) >= special_settings()


@pytest.mark.parametrize("objective", objective_names())
def test_an_objective_takes_all_settings_that_it_heeds(objective: str) -> None:
    heeded = {name: VALUES[name] for name in RECORDS[objective].options}
    if "prior" in heeded:
        heeded.pop("marginal_momentum", None)
    common = {"n_heads": 2, "scales": [2.5], "epochs": 9, "views": "itself", "batch_norm": False}
    values = {"objective": objective, **common, **heeded}
    config = Config().with_values({f"train.{name}": value for name, value in values.items()})
    assert config.train.model_dump(include=set(heeded)) == heeded
    assert config.train.objective == objective
    assert config.train.scales == (2.5,)


@pytest.mark.parametrize("objective", objective_names())
def test_an_objective_refuses_settings_that_it_does_not_heed(objective: str) -> None:
    unused = special_settings() - RECORDS[objective].options.keys()
    assert unused
    for name in unused:
        users = [other for other in objective_names() if name in RECORDS[other].options]
        with pytest.raises(UsageError) as caught:
            Config().with_values({"train.objective": objective, f"train.{name}": VALUES[name]})
        assert str(caught.value) == (
            f"train: {name} has no part in the objective {objective}, it is used by "
            f"{', '.join(users)}: leave it out or choose one of these"
        )


@pytest.mark.parametrize("prior", [None, "uniform", "none"])
def test_a_strength_of_the_prior_needs_the_soft_one(prior: str | None) -> None:
    problem = problem_with("train", {"prior": prior, "prior_strength": 0.5})
    assert problem == "train: prior_strength has a part in prior = soft only: set that too"
    both = {"train.prior": "soft", "train.prior_strength": 0.5}
    assert Config().with_values(both).train.prior_strength == 0.5


def test_a_soft_prior_does_without_the_marginal() -> None:
    problem = problem_with("train", {"prior": "soft", "marginal_momentum": 0.5})
    assert problem == (
        "train: marginal_momentum has no part in prior = soft: leave one of them out"
    )
    both = {"train.prior": "uniform", "train.marginal_momentum": 0.5}
    assert Config().with_values(both).train.marginal_momentum == 0.5


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


def test_the_ensemble_has_the_options_of_all_methods() -> None:
    names = ["method", "heads", "drop_collapsed", "weights", "keep_k"]
    names += ["min_jaccard", "vertex_weights", "revote", "imbalance"]
    assert list(Config().ensemble.model_dump()) == names
    given = EnsembleConfig(method="hgpa", imbalance=2)  # type: ignore[call-arg]
    assert given.model_dump(include={"imbalance", "revote"}) == {"revote": True, "imbalance": 2.0}
    assert Config(ensemble=given).ensemble == given
    with pytest.raises(ValidationError, match="jaccard"):
        EnsembleConfig(jaccard=0.5)  # type: ignore[call-arg]


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
    train, ucls = Config().train, RECORDS["ucls"].options
    assert (train.objective, train.weight_decay, train.final_learning_rate) == ("ucls", 1e-4, 0)
    assert (ucls["student_temperature"], ucls["teacher_temperature"]) == (0.1, 0.1)
    assert (ucls["beta"], ucls["marginal_momentum"]) == (0.6, 0.9)
    assert (ucls["sinkhorn_iterations"], ucls["cross_entropy"]) == (3, 0.5)
    assert (ucls["instance_weights"], ucls["symmetric"]) == (True, False)
    assert (ucls["prior"], ucls["n_smoothing"]) == ("uniform", 4)
    assert {name for name in special_settings() if getattr(train, name) is not None} == set()
    assert (Config().neighbors.cap, Config().neighbors.cap_keeps) == ("balanced", "nearest")


def test_required() -> None:
    assert required(0) == 0
    with pytest.raises(ValueError, match=re.escape("pass them through autoconfigure first")):
        required(None)
