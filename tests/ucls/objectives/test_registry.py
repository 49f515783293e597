from collections.abc import Callable
from itertools import combinations
from typing import Any, cast

import pytest
import torch
from torch import nn

from ucls.errors import UsageError
from ucls.heads.linear import LinearHeads
from ucls.heads.mlp import MlpHeads
from ucls.heads.projection import ProjectionHeads
from ucls.objectives.building import Task, classifier_sizes, products_dtype
from ucls.objectives.c2bin import C2Bin
from ucls.objectives.partial_transport import PartialTransport
from ucls.objectives.protocol import Batch, Epoch, Objective
from ucls.objectives.registry import build_objective
from ucls.objectives.scan import ScanLoss
from ucls.objectives.self_classifier import SelfClassifier
from ucls.objectives.student_teacher import StudentTeacher
from ucls.objectives.temi import TemiLoss
from ucls.objectives.turtle import Turtle
from ucls.objectives.uic import Uic
from ucls.settings.config import TrainConfig
from ucls.settings.objectives import RECORDS, objective_names

HEADS, IMAGES, FEATURES, CLUSTERS = 2, 24, 6, 4
TASK = Task(n_images=IMAGES, n_features=FEATURES, n_clusters=CLUSTERS, spaces=(4, 2), seed=0)
FITTED = {
    "components": "all",
    "hidden_dim": 16,
    "bottleneck_dim": 8,
    "teacher_momentum": 0.9,
    "inner_learning_rate": 0.1,
}
OF_OTHERS = {"components", "prior", "prior_strength"}
"""Options of what lies before the heads, and those that have tests of their own."""
EXPECTED: dict[str, tuple[type[nn.Module], type[nn.Module]]] = {
    "ucls": (StudentTeacher, MlpHeads),
    "temi": (StudentTeacher, MlpHeads),
    "scan": (StudentTeacher, MlpHeads),
    "self-classifier": (SelfClassifier, ProjectionHeads),
    "uic": (Uic, MlpHeads),
    "c2bin": (C2Bin, MlpHeads),
    "turtle": (Turtle, LinearHeads),
}

every_objective = pytest.mark.parametrize("name", objective_names())

Getter = Callable[[Any], Any]


def loss_option(option: str) -> Getter:
    """Reads an option of the losses, which must be the same for all sizes."""

    def read(objective: Any) -> Any:
        (value,) = {getattr(loss, option) for loss in objective.losses}
        return value

    return read


def option(name: str) -> Getter:
    return lambda objective: getattr(objective, name)


def width(name: str) -> Getter:
    return lambda objective: objective.heads.widths[name]


MLP: dict[str, tuple[Any, Getter]] = {
    "hidden_dim": (32, width("hidden_dim")),
    "bottleneck_dim": (4, width("bottleneck_dim")),
}
TEACHER: dict[str, tuple[Any, Getter]] = {
    **MLP,
    "teacher_momentum": (0.5, option("momentum")),
    "student_temperature": (0.3, loss_option("student_temperature")),
    "teacher_temperature": (0.04, option("temperature")),
    "sinkhorn_iterations": (7, option("sinkhorn_iterations")),
    "n_smoothing": (5, option("n_partners")),
}
PMI: dict[str, tuple[Any, Getter]] = {
    **TEACHER,
    "marginal_momentum": (0.7, loss_option("marginal_momentum")),
    "beta": (0.8, loss_option("beta")),
    "instance_weights": (False, loss_option("instance_weights")),
    "cross_entropy": (0.25, loss_option("cross_entropy")),
}
REACHES: dict[str, dict[str, tuple[Any, Getter]]] = {
    "ucls": {**PMI, "symmetric": (True, loss_option("symmetric"))},
    "temi": {**PMI, "symmetric": (False, loss_option("symmetric"))},
    "scan": {**TEACHER, "entropy_weight": (1.5, loss_option("entropy_weight"))},
    "self-classifier": {
        **MLP,
        "n_views": (4, lambda objective: objective.n_partners + 1),
        "student_temperature": (0.3, option("temperature")),
        "column_temperature": (0.2, option("column_temperature")),
        "learnable_classifier": (
            False,
            lambda objective: objective.network.direction.requires_grad,
        ),
    },
    "uic": {
        **MLP,
        "student_temperature": (0.3, option("temperature")),
        "fixed_share": (0.4, option("fixed_share")),
    },
    "c2bin": {
        **MLP,
        "teacher_momentum": (0.5, option("momentum")),
        "student_temperature": (0.3, option("temperature")),
        "contrast_temperature": (0.6, option("contrast_temperature")),
        "cluster_weight": (0.7, option("cluster_weight")),
        "entropy_weight": (1.5, option("entropy_weight")),
    },
    "turtle": {
        "inner_steps": (3, option("inner_steps")),
        "inner_learning_rate": (0.03, option("inner_learning_rate")),
        "entropy_weight": (1.5, option("entropy_weight")),
    },
}
"""A value for each other option, unlike its own, and where it must turn up."""


def new_config(name: str, **changes: Any) -> TrainConfig:
    """All settings that an objective heeds."""
    options = {n: FITTED[n] if v is None else v for n, v in RECORDS[name].options.items()}
    is_soft = changes.get("prior") == "soft"
    options.pop("marginal_momentum" if is_soft else "prior_strength", None)
    common = {"objective": name, "n_heads": HEADS, "scales": (1,), "precision": "float32"}
    return TrainConfig(**{**common, **options, **changes})


def new_objective(name: str, task: Task = TASK, **changes: Any) -> Objective:
    return build_objective(new_config(name, **changes), task)


def module(objective: Objective) -> nn.Module:
    return cast("nn.Module", objective)


def one_step(objective: Objective) -> torch.Tensor:
    """The losses of the first batch, which holds every image."""
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(IMAGES, FEATURES, generator=generator)

    def predict() -> torch.Tensor:
        with torch.no_grad():
            logits = objective.heads(features)[..., : objective.heads.sizes[0]]
        return logits.argmax(dim=-1)

    rows = objective.start_epoch(Epoch(IMAGES, 0.0, generator, predict))
    drawn = features[rows].expand(1 + objective.n_partners, *rows.shape, FEATURES)
    noise = 0.1 * torch.randn(drawn.shape, generator=generator)
    return objective(Batch(rows, drawn + noise, 0.5, generator))


def test_there_is_a_builder_for_every_objective() -> None:
    assert set(objective_names()) == set(REACHES) == set(EXPECTED)


@every_objective
def test_each_name_builds_its_own_objective(name: str) -> None:
    objective = new_objective(name)
    objective_type, heads_type = EXPECTED[name]
    assert type(objective) is objective_type
    heads = objective.heads
    assert type(heads) is heads_type
    assert (heads.n_heads, heads.n_features, heads.sizes) == (HEADS, FEATURES, (CLUSTERS,))
    if isinstance(objective, StudentTeacher):
        loss_type = ScanLoss if name == "scan" else TemiLoss
        assert [type(loss) for loss in objective.losses] == [loss_type]


@every_objective
def test_a_step_gives_each_head_a_loss_and_each_parameter_a_gradient(name: str) -> None:
    objective = new_objective(name)
    losses = one_step(objective)
    assert losses.shape == (HEADS,)
    assert losses.isfinite().all()
    losses.sum().backward()
    objective.after_step()
    for parameter in [*objective.weights(), *objective.biases()]:
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()


@pytest.mark.parametrize("name", [name for name in objective_names() if name != "uic"])
def test_several_scales_give_each_head_a_loss_for_each_size(name: str) -> None:
    objective = new_objective(name, scales=(1, 1.6, 3))
    assert objective.heads.sizes == (4, 6, 12)
    losses = one_step(objective)
    assert losses.shape == (3 * HEADS,)
    assert losses.isfinite().all()


def test_uic_refuses_several_scales() -> None:
    with pytest.raises((ValueError, UsageError)):
        new_objective("uic", scales=(1, 2))


@every_objective
def test_one_scale_multiplies_the_clusters(name: str) -> None:
    objective = new_objective(name, scales=(2.5,))
    assert objective.heads.sizes == (10,)
    assert one_step(objective).shape == (HEADS,)


@pytest.mark.parametrize(
    ("scales", "n_clusters", "sizes"),
    [((1,), 10, (10,)), ((1, 2, 4, 8), 10, (10, 20, 40, 80)), ((1.26,), 10, (13,))],
)
def test_sizes_are_multiples_of_the_clusters(
    scales: tuple[float, ...], n_clusters: int, sizes: tuple[int, ...]
) -> None:
    assert classifier_sizes(TrainConfig(scales=scales), n_clusters) == sizes


@every_objective
def test_every_option_has_a_place_to_turn_up(name: str) -> None:
    assert set(REACHES[name]) == set(RECORDS[name].options) - OF_OTHERS


@pytest.mark.parametrize(
    ("name", "setting"),
    [(name, setting) for name in objective_names() for setting in REACHES[name]],
)
def test_an_option_reaches_the_objective(name: str, setting: str) -> None:
    value, read = REACHES[name][setting]
    usual = (
        FITTED[setting]
        if RECORDS[name].options[setting] is None
        else RECORDS[name].options[setting]
    )
    # Without a prior there is nothing to iterate.
    given = {"prior": "uniform"} if setting == "sinkhorn_iterations" else {}
    assert read(new_objective(name, **given)) == usual
    assert read(new_objective(name, **given, **{setting: value})) == value
    assert value != usual


@pytest.mark.parametrize("name", ["ucls", "temi", "scan"])
def test_the_prior_reaches_the_teacher(name: str) -> None:
    iterations = {}
    for prior in ("uniform", "none"):
        objective = new_objective(name, prior=prior, sinkhorn_iterations=4)
        assert isinstance(objective, StudentTeacher)
        assert not objective.transports
        iterations[prior] = objective.sinkhorn_iterations
    assert iterations == {"uniform": 4, "none": 0}
    given = {"sinkhorn_iterations": 4, "teacher_temperature": 0.07, "scales": (1, 2)}
    usual = RECORDS[name].options["prior_strength"]
    assert 0.0 < usual < 1.0
    for changes, strength in (({}, usual), ({"prior_strength": 0.7}, 0.7)):
        soft = new_objective(name, prior="soft", **given, **changes)
        assert isinstance(soft, StudentTeacher)
        assert len(soft.transports) == 2
        for transport in soft.transports:
            assert isinstance(transport, PartialTransport)
            assert (transport.strength, transport.iterations) == (strength, 4)
            assert transport.temperature == 0.07


@pytest.mark.parametrize("name", ["ucls", "temi"])
def test_a_soft_prior_alone_sees_to_the_sizes(name: str) -> None:
    momentum = loss_option("marginal_momentum")
    assert momentum(new_objective(name, prior="soft")) == 1.0
    assert momentum(new_objective(name, prior="uniform")) == 0.9


def test_the_views_that_student_and_teacher_ask_for() -> None:
    asked = {}
    for name in ("ucls", "temi", "scan"):
        for m in (1, 4):
            objective = new_objective(name, n_smoothing=m)
            assert isinstance(objective, StudentTeacher)
            asked[name, m] = objective.n_student_views, objective.n_partners
    assert asked == {
        ("ucls", 1): (1, 1), ("ucls", 4): (1, 4),
        ("temi", 1): (2, 1), ("temi", 4): (2, 4),
        ("scan", 1): (2, 1), ("scan", 4): (2, 4),
    }  # fmt: skip
    for symmetric in (False, True):
        objective = new_objective("ucls", symmetric=symmetric)
        assert isinstance(objective, StudentTeacher)
        assert objective.n_student_views == 1 + symmetric
    assert new_objective("self-classifier", n_views=5).n_partners == 4
    assert {name: new_objective(name).n_partners for name in ("uic", "c2bin", "turtle")} == {
        "uic": 1, "c2bin": 1, "turtle": 1,
    }  # fmt: skip


@every_objective
def test_images_are_labelled_at_the_temperature_of_training(name: str) -> None:
    if name == "turtle":
        assert new_objective(name).temperature == 1.0
        return
    setting = "teacher_temperature" if name in ("ucls", "temi", "scan") else "student_temperature"
    assert new_objective(name, **{setting: 0.37}).temperature == 0.37


@every_objective
def test_the_precision_reaches_the_products(name: str) -> None:
    for precision, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        config = new_config(name, precision=precision)
        assert products_dtype(config) == dtype
        assert cast("Any", build_objective(config, TASK)).dtype == dtype


@every_objective
def test_bfloat16_trains_like_float32(name: str) -> None:
    full, half = (
        one_step(new_objective(name, precision=p)).detach() for p in ("float32", "bfloat16")
    )
    assert half.dtype == torch.float32
    assert not torch.equal(half, full)
    torch.testing.assert_close(half, full, atol=0.15, rtol=0.05)


@every_objective
def test_weights_depend_on_the_seed_only(name: str) -> None:
    built = [module(new_objective(name, TASK._replace(seed=seed))) for seed in (5, 5, 6)]
    first, again, other = (each.state_dict() for each in built)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_c2bins_perceptrons_start_unlike_each_other_and_unlike_those_of_other_seeds() -> None:
    weights = []
    for seed in (0, 1):
        objective = new_objective("c2bin", TASK._replace(seed=seed))
        assert isinstance(objective, C2Bin)
        weights += [objective.projector.weight, objective.predictor.weight]
    for i, j in combinations(range(4), 2):
        assert not torch.equal(weights[i], weights[j])


def test_turtle_has_an_encoder_for_each_feature_space() -> None:
    heads = new_objective("turtle").heads
    assert isinstance(heads, LinearHeads)
    assert heads.spaces == (4, 2)
    one = new_objective("turtle", TASK._replace(spaces=(FEATURES,))).heads
    assert isinstance(one, LinearHeads)
    assert one.spaces == (FEATURES,)


def test_uic_keeps_a_label_of_every_image_for_each_head() -> None:
    objective = new_objective("uic", TASK._replace(n_images=17))
    assert isinstance(objective, Uic)
    assert objective.labels.shape == (HEADS, 17)


@every_objective
def test_an_objective_needs_all_its_settings(name: str) -> None:
    with pytest.raises(ValueError, match="autoconfigure"):
        build_objective(TrainConfig(objective=name), TASK)


@every_objective
def test_a_saved_state_goes_on_as_if_nothing_had_happened(name: str) -> None:
    objective, other = new_objective(name), new_objective(name, TASK._replace(seed=9))
    one_step(objective)
    one_step(other)
    other.load_state_dict(objective.state_dict())
    torch.testing.assert_close(one_step(other), one_step(objective))
