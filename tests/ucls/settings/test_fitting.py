from typing import Any

import pytest

from ucls.settings.config import Config, setting_names
from ucls.settings.data_facts import DataFacts
from ucls.settings.fitting import autoconfigure
from ucls.settings.objectives import RECORDS, objective_names, special_settings
from ucls.settings.presets import PRESETS, preset

LARGE = "dinov2_vitl14_reg4"
SIZES = [
    (10, 2, 4), (40, 4, 16), (2, 2, 1), (3, 3, 1), (100, 90, 8), (1797, 10, 64), (5000, 10, 1536),
    (50_000, 100, 2048), (128_545, 100, 2048), (1_281_167, 1000, 2048), (3000, 2500, 5),
]  # fmt: skip

any_size = pytest.mark.parametrize(("n_images", "n_clusters", "n_features"), SIZES)


def facts(n_images: int, n_clusters: int, n_features: int = 2048, **changes: Any) -> DataFacts:
    values = {"backbone": LARGE, "device": "cuda", "fast_precision": "bfloat16"} | changes
    return DataFacts(n_images=n_images, n_clusters=n_clusters, n_features=n_features, **values)


def values_of(config: Config) -> dict[str, Any]:
    values = {}
    for name in setting_names():
        value: Any = config
        for part in name.split("."):
            value = getattr(value, part)
        values[name] = value
    return values


def fitted(n_images: int, n_clusters: int, n_features: int = 2048, **changes: Any) -> Config:
    return autoconfigure(Config(), facts(n_images, n_clusters, n_features, **changes))


@pytest.mark.parametrize("objective", objective_names())
@any_size
def test_only_what_the_objective_does_not_heed_stays_open_and_everything_is_valid(
    objective: str, n_images: int, n_clusters: int, n_features: int
) -> None:
    asked = Config().with_values({"train.objective": objective})
    config = autoconfigure(asked, facts(n_images, n_clusters, n_features))
    still_open = {name for name, value in values_of(config).items() if value is None}
    unused = {f"train.{name}" for name in special_settings() - RECORDS[objective].options.keys()}
    without_part = (
        {"train.prior_strength"} if "prior_strength" in RECORDS[objective].options else set()
    )
    assert {name for name in still_open if name.startswith("train.")} == unused | without_part
    wishes = {"merge.known", "self_train.outliers"}
    assert {name.partition(".")[0] for name in still_open - unused - without_part - wishes} <= {
        "extract", "features", "time_limit",
    }  # fmt: skip
    assert Config.model_validate(config.model_dump()) == config


@any_size
def test_fitted_values_keep_their_bounds(n_images: int, n_clusters: int, n_features: int) -> None:
    config = fitted(n_images, n_clusters, n_features)
    assert config.neighbors.k is not None
    assert min(3, n_images - 1) <= config.neighbors.k <= min(50, n_images - 1)
    assert config.self_train.iterations is not None
    assert 200 <= config.self_train.iterations <= 12_500
    assert (config.merge.linkage, config.ensemble.heads) == ("auto", "all")


@any_size
def test_fitting_again_changes_nothing(n_images: int, n_clusters: int, n_features: int) -> None:
    sizes = facts(n_images, n_clusters, n_features)
    once = autoconfigure(Config(), sizes)
    assert autoconfigure(once, sizes) == once
    assert autoconfigure(once, facts(1234, n_clusters, 77, device="cpu", backbone="x")) == once


def test_ten_images() -> None:
    config = fitted(10, 2, 4, device="cpu", fast_precision="float32", backbone="pixels")
    assert (config.n_clusters, config.neighbors.k, config.neighbors.threshold) == (2, 3, "typical")
    assert (config.self_train.batch_size, config.self_train.iterations) == (10, 200)
    assert config.evaluate.kmeans_restarts == 10


def test_imagenet100() -> None:
    config = fitted(128_545, 100)
    assert (config.neighbors.k, config.neighbors.threshold) == (50, 0.3)
    assert (config.self_train.batch_size, config.self_train.iterations) == (1024, 1255)
    assert config.evaluate.kmeans_restarts == 1


def test_neighbors_are_a_fourteenth_of_a_cluster() -> None:
    sizes = {(1400, 10): 10, (5000, 10): 36, (7000, 10): 50, (70_000, 10): 50, (200, 10): 3}
    assert {size: fitted(*size).neighbors.k for size in sizes} == sizes


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        # 16 heads of three times as many clusters: 48 C logits.
        ({}, 85),
        ({"effort": "quick"}, 227),
        ({"merge.linkage": "none"}, 256),
        ({"train.scales": [1, 2, 4, 8]}, 17),
        ({"train.n_heads": 50, "train.scales": [1]}, 81),
    ],
)
def test_classifiers_see_the_heads_of_raw_inputs_while_their_logits_are_few(
    settings: dict[str, Any], most: int
) -> None:
    asked = Config().with_values(settings)
    for backbone in ("pixels", "features"):
        for n_clusters, inputs in ((most, "heads"), (most + 1, "tokens")):
            sizes = facts(50_000, n_clusters, backbone=backbone, device="cpu")
            assert autoconfigure(asked, sizes).self_train.inputs == inputs
    assert autoconfigure(asked, facts(5000, 10)).self_train.inputs == "tokens"


def test_the_effort_is_normal_or_fits_the_time_limit_or_is_as_asked() -> None:
    assert fitted(5000, 10).effort == "normal"
    quick = facts(5000, 10, effort="quick")
    assert autoconfigure(Config(time_limit="10m"), quick).effort == "quick"
    assert autoconfigure(Config(effort="thorough"), quick).effort == "thorough"


def test_backbones() -> None:
    assert fitted(5000, 10, backbone="vit_base_patch16_224.dino").neighbors.threshold == "typical"
    assert fitted(5000, 10, backbone="features").neighbors.threshold == "typical"


@any_size
def test_what_is_set_stays(n_images: int, n_clusters: int, n_features: int) -> None:
    asked = {
        "n_clusters": 7, "effort": "quick", "neighbors.k": 1, "neighbors.threshold": 0.77,
        "train.n_heads": 3, "train.heads_at_once": 2, "train.components": 1,
        "train.scales": (2.5, 1.0), "train.hidden_dim": 1, "train.bottleneck_dim": 9,
        "train.epochs": 17, "train.warmup_epochs": 0, "train.batch_size": 33,
        "train.learning_rate": 0.123, "train.teacher_momentum": 0.0, "train.n_smoothing": 6,
        "train.precision": "float32", "train.early_stopping": False, "train.views": "itself",
        "train.batch_norm": False, "train.prior": "none", "merge.linkage": "average",
        "ensemble.heads": "best", "self_train.batch_size": 21, "self_train.iterations": 4,
        "evaluate.kmeans_restarts": 2,
    }  # fmt: skip
    sizes = facts(n_images, n_clusters, n_features)
    config = autoconfigure(Config().with_values(asked), sizes)
    assert {name: values_of(config)[name] for name in asked} == asked
    for name, value in asked.items():
        if name == "train.warmup_epochs":
            continue
        alone = autoconfigure(Config().with_values({name: value}), sizes)
        assert values_of(alone)[name] == value


LEFT_OPEN = {
    "effort": "normal",
    "train.views": "neighbor",
    "train.batch_norm": True,
    "train.student_temperature": 0.1,
    "train.prior": "uniform",
    "train.sinkhorn_iterations": 3,
    "train.marginal_momentum": 0.9,
    "train.instance_weights": True,
    "train.symmetric": False,
}


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("size", [(10, 2, 4), (1_281_167, 1000, 2048)])
def test_presets_leave_nothing_to_be_fitted_to_the_data(
    name: str, size: tuple[int, int, int]
) -> None:
    before = Config().with_values(preset(name))
    after = autoconfigure(before, facts(*size, device="cpu", backbone="pixels"))
    changed = {
        setting: value
        for setting, value in values_of(after).items()
        if value != values_of(before)[setting]
    }
    assert changed.pop("evaluate.kmeans_restarts") in (1, 10)
    assert changed.items() <= LEFT_OPEN.items()


@pytest.mark.parametrize(
    ("size", "restarts"),
    [((1437, 10, 64), 10), ((6000, 30, 256), 4), ((10_000, 100, 1000), 1), ((10**6, 9, 999), 1)],
)
def test_kmeans_restarts_as_often_as_fits_in_seconds(
    size: tuple[int, int, int], restarts: int
) -> None:
    assert fitted(*size).evaluate.kmeans_restarts == restarts


def test_self_training_takes_the_batches_of_the_heads() -> None:
    config = autoconfigure(Config().with_values({"train.batch_size": 100}), facts(5000, 10))
    assert (config.self_train.batch_size, config.self_train.iterations) == (100, 500)
    turtle = Config().with_values({"train.objective": "turtle"})
    assert autoconfigure(turtle, facts(50_000, 10)).self_train.batch_size == 1024
