from typing import Any

import pytest

from ucls.settings.config import Config, TrainConfig
from ucls.settings.data_facts import DataFacts
from ucls.settings.fitting import autoconfigure
from ucls.settings.fitting_train import EFFORTS, fitting_batch_size, fitting_scales
from ucls.settings.objectives import RECORDS, objective_names

SIZES = [
    (10, 2, 4), (40, 4, 16), (2, 2, 1), (3, 3, 1), (100, 90, 8), (1797, 10, 64), (5000, 10, 1536),
    (50_000, 100, 2048), (128_545, 100, 2048), (1_281_167, 1000, 2048), (3000, 2500, 5),
]  # fmt: skip

any_size = pytest.mark.parametrize(("n_images", "n_clusters", "n_features"), SIZES)


def facts(n_images: int, n_clusters: int, n_features: int = 2048, **changes: Any) -> DataFacts:
    values = {"backbone": "x", "device": "cuda", "fast_precision": "bfloat16"} | changes
    return DataFacts(n_images=n_images, n_clusters=n_clusters, n_features=n_features, **values)


def fitted(n_images: int, n_clusters: int, n_features: int = 2048, **asked: Any) -> TrainConfig:
    """The section ``train`` with some settings of the whole, ``__`` standing for the dot."""
    values = {name.replace("__", "."): value for name, value in asked.items()}
    config = Config().with_values(values)
    return autoconfigure(config, facts(n_images, n_clusters, n_features)).train


@pytest.mark.parametrize("effort", EFFORTS)
@any_size
def test_values_keep_their_bounds(
    n_images: int, n_clusters: int, n_features: int, effort: str
) -> None:
    train = fitted(n_images, n_clusters, n_features, effort=effort)
    (scale,) = train.scales
    n_outputs = scale * n_clusters
    assert min(64, n_images) <= train.batch_size <= min(n_images, max(1024, 2 * n_outputs))
    assert train.batch_size >= min(n_images, n_outputs, 2048)
    assert EFFORTS[effort].epochs <= train.epochs <= 100
    assert train.warmup_epochs == train.epochs // 10
    assert 0.5 <= train.teacher_momentum <= 0.996
    assert EFFORTS[effort].width <= train.hidden_dim <= 512
    assert train.bottleneck_dim == min(256, train.hidden_dim)
    assert train.components == "all" or 2 * train.components <= n_features
    assert train.heads_at_once == train.n_heads
    per_step = train.learning_rate * train.batch_size / 256
    steps = train.epochs * (n_images // train.batch_size)
    assert per_step == pytest.approx(min(1e-3, 1 / steps), rel=1e-3) or per_step * steps == (
        pytest.approx(1.0, rel=1e-3)
    )
    assert train.teacher_momentum == pytest.approx(
        min(0.996, max(0.5, 1 - 1 / (0.03 * steps))), abs=1e-4
    )


def test_ten_images() -> None:
    config = autoconfigure(Config(), facts(10, 2, 4, device="cpu", fast_precision="float32"))
    train = config.train
    assert (train.n_heads, train.heads_at_once, train.components) == (16, 8, "all")
    assert (train.hidden_dim, train.bottleneck_dim) == (64, 64)
    assert (train.batch_size, train.epochs, train.warmup_epochs) == (10, 100, 10)
    assert train.learning_rate == pytest.approx(1e-3 * 256 / 10)
    assert train.teacher_momentum == pytest.approx(1 - 1 / 3, abs=1e-4)
    assert (train.n_smoothing, train.precision) == (4, "float32")
    assert (train.scales, train.early_stopping) == ((1,), True)


def test_forty_images() -> None:
    train = fitted(40, 4, 100)
    assert (train.batch_size, train.epochs, train.scales) == (40, 100, (1,))
    assert (train.hidden_dim, train.bottleneck_dim) == (64, 64)


def test_imagenet100() -> None:
    train = fitted(128_545, 100)
    assert (train.n_heads, train.hidden_dim, train.bottleneck_dim) == (16, 64, 64)
    assert (train.components, train.precision) == (128, "bfloat16")
    assert (train.batch_size, train.epochs, train.warmup_epochs) == (1024, 30, 3)
    assert train.learning_rate == pytest.approx(1 / (30 * 125) / 4, rel=1e-3)
    assert train.teacher_momentum == pytest.approx(1 - 1 / (0.03 * 30 * 125), abs=1e-4)


def test_imagenet() -> None:
    """A batch has a row for most of the 3,000 clusters of a head, and fits into memory."""
    train = fitted(1_281_167, 1000)
    assert (train.batch_size, train.epochs, train.scales) == (2048, 30, (3,))
    assert train.learning_rate == pytest.approx(1 / (30 * 625) / 8, rel=1e-3)
    assert (train.hidden_dim, train.bottleneck_dim, train.components) == (512, 256, 1024)
    unmerged = fitted(1_281_167, 1000, merge__linkage="none")
    assert (unmerged.batch_size, unmerged.scales) == (1024, (1,))
    assert unmerged.learning_rate == pytest.approx(1 / (30 * 1251) / 4, rel=1e-3)


@pytest.mark.parametrize(
    ("n_images", "n_clusters", "scale"),
    [
        (449, 10, 2),
        (450, 10, 3),
        (299, 10, 1),
        (300, 10, 2),
        (10, 10, 1),
        (1_000_000, 10, 3),
    ],
)
def test_clusters_are_as_many_times_those_wanted_as_leave_15_images_to_each(
    n_images: int, n_clusters: int, scale: int
) -> None:
    assert fitting_scales(Config(), facts(n_images, n_clusters)) == (scale,)
    assert fitted(n_images, n_clusters).scales == (scale,)


@pytest.mark.parametrize("linkage", ["auto", "diffusion", "spectral", "average", "none"])
def test_without_merging_clusters_are_as_many_as_wanted(linkage: str) -> None:
    expected = (1,) if linkage == "none" else (3,)
    assert fitted(5000, 10, merge__linkage=linkage).scales == expected
    assert fitted(5000, 10, merge__linkage=linkage, train__scales=[1, 2]).scales == (1, 2)


@pytest.mark.parametrize("linkage", ["auto", "none"])
def test_scales_of_the_papers(linkage: str) -> None:
    for objective, scales in {
        "self-classifier": (1, 2, 4, 8),
        "c2bin": (1, 2, 4),
        "turtle": (1,),
    }.items():
        train = fitted(100, 10, train__objective=objective, merge__linkage=linkage)
        assert train.scales == scales
        assert train.batch_size >= 10 * max(scales)


def test_batches_have_a_row_for_every_cluster_of_the_largest_head() -> None:
    assert fitted(3000, 100, train__scales=[1]).batch_size == 256
    assert fitted(3000, 100).batch_size == 256
    assert fitted(3000, 100, train__scales=[1, 3]).batch_size == 512
    assert fitted(3000, 100, train__scales=[5.13, 1]).batch_size == 1024


@pytest.mark.parametrize(
    ("objective", "effort", "n_heads", "at_once"),
    [("ucls", "quick", 6, 6), ("ucls", "normal", 16, 8), ("ucls", "thorough", 48, 8),
     ("c2bin", "quick", 3, 3), ("turtle", "thorough", 24, 4), ("self-classifier", "quick", 2, 2),
     ("self-classifier", "thorough", 12, 2)],
)  # fmt: skip
def test_heads_are_trained_in_groups_unless_they_are_counted_or_a_gpu_has_room(
    objective: str, effort: str, n_heads: int, at_once: int
) -> None:
    def heads(device: str, **asked: int) -> tuple[int | None, int | None]:
        config = Config(effort=effort).with_values({"train.objective": objective, **asked})
        train = autoconfigure(config, facts(5000, 10, device=device)).train
        return train.n_heads, train.heads_at_once

    assert heads("cpu") == (n_heads, at_once)
    assert heads("cuda") == (n_heads, n_heads)
    assert heads("cpu", **{"train.n_heads": 30}) == (30, 30)
    assert heads("cpu", **{"train.n_heads": 30, "train.heads_at_once": 7}) == (30, 7)


@pytest.mark.parametrize(
    ("effort", "epochs"),
    [
        ("quick", (100, 94, 15, 15)),
        ("normal", (100, 100, 30, 30)),
        ("thorough", (100, 100, 60, 60)),
    ],
)
def test_small_sets_are_seen_more_often(effort: str, epochs: tuple[int, ...]) -> None:
    sizes = (400, 800, 5000, 1_281_167)
    assert tuple(fitted(n_images, 4, effort=effort).epochs for n_images in sizes) == epochs


@pytest.mark.parametrize(
    ("effort", "n_clusters", "n_features", "width", "components"),
    [
        ("normal", 10, 64, 64, "all"),
        ("normal", 10, 255, 64, "all"),
        ("normal", 10, 256, 64, 128),
        ("normal", 128, 2048, 64, 128),
        ("normal", 130, 2048, 128, 256),
        ("thorough", 10, 2048, 128, 256),
        ("thorough", 10, 384, 128, "all"),
        ("quick", 2500, 2048, 512, 1024),
    ],
)
def test_widths_follow_the_effort_and_the_clusters(
    effort: str, n_clusters: int, n_features: int, width: int, components: int | str
) -> None:
    train = fitted(50_000, n_clusters, n_features, effort=effort)
    assert (train.hidden_dim, train.components) == (width, components)


def test_batches_are_powers_of_two_near_a_twelfth() -> None:
    sizes = {
        (600, 10): 64, (1797, 10): 128, (3000, 10): 256, (50_000, 10): 1024, (600, 100): 128,
        (3000, 2500): 2048, (10_000, 1500): 2048, (30, 3): 30,
    }  # fmt: skip
    assert {size: fitting_batch_size(*size) for size in sizes} == sizes


@pytest.mark.parametrize("objective", objective_names())
@any_size
def test_what_only_the_objective_heeds_is_as_it_has_it(
    objective: str, n_images: int, n_clusters: int, n_features: int
) -> None:
    train = fitted(n_images, n_clusters, n_features, train__objective=objective)
    constants = {name: v for name, v in RECORDS[objective].options.items() if v is not None}
    if "prior_strength" in constants:
        del constants["prior_strength"]
        assert train.prior_strength is None
    assert train.model_dump(include=set(constants)) == constants
    assert all(
        getattr(train, name) is not None for name in RECORDS[objective].options if name in constants
    )


def test_the_strength_of_a_soft_prior() -> None:
    own = RECORDS["ucls"].options["prior_strength"]
    assert 0 < own < 1
    soft = fitted(5000, 10, train__prior="soft")
    assert (soft.prior_strength, soft.marginal_momentum) == (own, None)
    given = fitted(5000, 10, train__prior="soft", train__prior_strength=0.9)
    assert given.prior_strength == 0.9
    assert fitted(5000, 10, train__prior="none").prior_strength is None


def test_heads_of_self_classifier_are_wide_with_a_narrow_bottleneck() -> None:
    def widths(n_clusters: int, **asked: Any) -> tuple[int | None, int | None]:
        train = fitted(128_545, n_clusters, train__objective="self-classifier", **asked)
        return train.hidden_dim, train.bottleneck_dim

    assert widths(10) == (64, 64)
    assert widths(10_000) == (4096, 128)
    assert widths(10, train__hidden_dim=100) == (100, 100)
    assert widths(10, train__hidden_dim=300) == (300, 128)
    assert fitted(128_545, 10_000, train__objective="uic").hidden_dim == 512


@pytest.mark.parametrize(("n_images", "path"), [(600, 0.01 * 9 * 30), (1797, 4.0), (50_000, 4.0)])
@pytest.mark.parametrize("n_features", [8, 64, 2048])
def test_weights_of_turtle_move_by_the_number_of_inputs(
    n_images: int, path: float, n_features: int
) -> None:
    train = fitted(n_images, 10, n_features, train__objective="turtle", train__epochs=30)
    n_inputs = min(n_features, 128)
    steps = 30 * (n_images // train.batch_size)
    per_step = train.learning_rate * train.batch_size / 256
    assert per_step * steps == pytest.approx(path * 128 / n_inputs, rel=1e-2)
    assert train.inner_learning_rate == pytest.approx(2.5 / n_inputs, rel=1e-2)
    assert (train.batch_norm, train.views) == (True, "itself")
    assert (train.hidden_dim, train.teacher_momentum) == (None, None)


def test_more_components_than_features_are_as_many_as_there_are() -> None:
    turtle = {"train__objective": "turtle", "train__epochs": 30}
    most, same = (fitted(1797, 10, 64, train__components=n, **turtle) for n in (4096, 64))
    assert most.learning_rate == same.learning_rate
    assert most.inner_learning_rate == same.inner_learning_rate


def test_turtle_sees_few_axes_of_one_space_and_all_of_several() -> None:
    turtle = Config().with_values({"train.objective": "turtle"})
    for n_spaces, components in {1: 128, 2: "all"}.items():
        config = autoconfigure(turtle, facts(5000, 10, n_spaces=n_spaces))
        assert config.train.components == components
    others = autoconfigure(Config(), facts(5000, 10, n_spaces=2))
    assert others.train.components == 128


@pytest.mark.parametrize("objective", [name for name in objective_names() if name != "turtle"])
def test_all_others_have_batch_norm_and_neighbours(objective: str) -> None:
    train = fitted(5000, 10, train__objective=objective)
    assert (train.batch_norm, train.views, train.early_stopping) == (True, "neighbor", True)


def test_precision_is_the_fast_one_of_the_device() -> None:
    for precision in ("float32", "bfloat16"):
        config = autoconfigure(Config(), facts(5000, 10, fast_precision=precision))
        assert config.train.precision == precision


def test_what_is_fitted_follows_what_is_set() -> None:
    train = fitted(1000, 10, train__epochs=20, train__batch_size=100)
    assert train.warmup_epochs == 2
    assert train.learning_rate == pytest.approx(1e-3 * 256 / 100, rel=1e-3)
    assert train.teacher_momentum == pytest.approx(1 - 1 / (0.03 * 200), abs=1e-4)
    assert fitted(1000, 10, train__hidden_dim=1).bottleneck_dim == 1


def test_a_batch_beyond_the_images_counts_as_all_images() -> None:
    train = fitted(100, 4, train__batch_size=4096, train__epochs=2000)
    assert train.batch_size == 4096
    assert train.learning_rate == pytest.approx(1 / 2000 * 256 / 100, rel=1e-3)


def test_a_very_long_training_has_a_learning_rate() -> None:
    train = fitted(1_281_167, 1000, train__epochs=10_000, train__batch_size=1024)
    assert train.learning_rate == pytest.approx(1 / (10_000 * 1251) / 4, rel=1e-3)


def test_epochs_make_room_for_a_long_warmup() -> None:
    assert fitted(128_545, 100, train__warmup_epochs=150).epochs == 150
