from typing import Any

import pytest

from ucls.autoconfig import DataFacts, autoconfigure, fitting_batch_size
from ucls.config import Config, setting_names
from ucls.presets import PRESETS, preset

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


@any_size
def test_nothing_stays_open_and_everything_is_valid(
    n_images: int, n_clusters: int, n_features: int
) -> None:
    config = fitted(n_images, n_clusters, n_features)
    still_open = {name for name, value in values_of(config).items() if value is None}
    assert {name.partition(".")[0] for name in still_open} <= {"extract", "features"}
    assert Config.model_validate(config.model_dump()) == config


@any_size
def test_fitted_values_keep_their_bounds(n_images: int, n_clusters: int, n_features: int) -> None:
    config = fitted(n_images, n_clusters, n_features)
    assert config.neighbors.k is not None
    assert min(3, n_images - 1) <= config.neighbors.k <= min(50, n_images - 1)
    train = config.train
    assert min(64, n_images) <= train.batch_size <= min(n_images, max(1024, 2 * n_clusters))
    assert train.batch_size >= n_clusters
    assert 100 <= train.epochs <= 400
    assert train.warmup_epochs == train.epochs // 10
    assert 0.5 <= train.teacher_momentum <= 0.996
    assert 128 <= train.hidden_dim <= 512
    assert train.bottleneck_dim == train.hidden_dim // 2
    assert 100 <= config.self_train.iterations <= 12_500
    per_step = train.learning_rate * train.batch_size / 256
    steps = train.epochs * (n_images // train.batch_size)
    assert per_step == pytest.approx(min(1e-3, 1 / steps), rel=1e-3) or per_step * steps == (
        pytest.approx(1.0, rel=1e-3)
    )
    assert train.teacher_momentum == pytest.approx(
        min(0.996, max(0.5, 1 - 1 / (0.03 * steps))), abs=1e-4
    )


@any_size
def test_fitting_again_changes_nothing(n_images: int, n_clusters: int, n_features: int) -> None:
    sizes = facts(n_images, n_clusters, n_features)
    once = autoconfigure(Config(), sizes)
    assert autoconfigure(once, sizes) == once
    assert autoconfigure(once, facts(1234, n_clusters, 77, device="cpu", backbone="x")) == once


def test_ten_images() -> None:
    config = fitted(10, 2, 4, device="cpu", fast_precision="float32", backbone="pixels")
    assert (config.n_clusters, config.neighbors.k, config.neighbors.threshold) == (2, 3, "typical")
    train = config.train
    assert (train.n_heads, train.hidden_dim, train.bottleneck_dim) == (32, 128, 64)
    assert (train.batch_size, train.epochs, train.warmup_epochs) == (10, 400, 40)
    assert train.learning_rate == pytest.approx(1e-3 * 256 / 10)
    assert train.teacher_momentum == pytest.approx(1 - 1 / 12, abs=1e-4)
    assert (train.n_smoothing, train.precision) == (4, "float32")
    assert (config.self_train.batch_size, config.self_train.iterations) == (10, 100)
    assert config.evaluate.kmeans_restarts == 10


def test_forty_images() -> None:
    config = fitted(40, 4, 100)
    assert (config.neighbors.k, config.train.batch_size, config.train.epochs) == (3, 40, 400)
    assert (config.train.hidden_dim, config.train.bottleneck_dim) == (128, 64)


def test_imagenet100() -> None:
    config = fitted(128_545, 100)
    assert (config.neighbors.k, config.neighbors.threshold) == (50, 0.3)
    train = config.train
    assert (train.n_heads, train.hidden_dim, train.bottleneck_dim) == (50, 512, 256)
    assert (train.batch_size, train.epochs, train.warmup_epochs) == (1024, 100, 10)
    assert train.learning_rate == pytest.approx(1 / (100 * 125) / 4)
    assert (train.teacher_momentum, train.precision) == (0.996, "bfloat16")
    assert (config.self_train.batch_size, config.self_train.iterations) == (1024, 12_500)
    assert config.evaluate.kmeans_restarts == 1


def test_imagenet() -> None:
    config = fitted(1_281_167, 1000)
    assert (config.neighbors.k, config.train.batch_size, config.train.epochs) == (50, 1024, 100)
    assert config.train.learning_rate == pytest.approx(1 / (100 * 1251) / 4, rel=1e-3)


def test_neighbors_are_a_fourteenth_of_a_cluster() -> None:
    sizes = {(1400, 10): 10, (5000, 10): 36, (7000, 10): 50, (70_000, 10): 50, (200, 10): 3}
    assert {size: fitted(*size).neighbors.k for size in sizes} == sizes


def test_batches_are_powers_of_two_near_a_twelfth() -> None:
    sizes = {
        (600, 10): 64, (1797, 10): 128, (3000, 10): 256, (50_000, 10): 1024, (600, 100): 128,
        (3000, 2500): 3000, (10_000, 1500): 2048, (30, 3): 30,
    }  # fmt: skip
    assert {size: fitting_batch_size(*size) for size in sizes} == sizes


def test_classifiers_see_the_heads_of_raw_inputs_while_these_are_few() -> None:
    sizes = {("pixels", 10): "heads", ("features", 128): "heads", ("features", 129): "tokens"}
    for (backbone, n_clusters), inputs in sizes.items():
        config = fitted(5000, n_clusters, backbone=backbone, device="cpu")
        assert config.self_train.inputs == inputs
    assert fitted(5000, 10).self_train.inputs == "tokens"


def test_devices_and_backbones() -> None:
    assert fitted(5000, 10, device="cpu").train.n_heads == 32
    assert fitted(5000, 10, device="cuda").train.n_heads == 50
    assert fitted(5000, 10, fast_precision="float32").train.precision == "float32"
    assert fitted(5000, 10, backbone="vit_base_patch16_224.dino").neighbors.threshold == "typical"
    assert fitted(5000, 10, backbone="features").neighbors.threshold == "typical"


@any_size
def test_what_is_set_stays(n_images: int, n_clusters: int, n_features: int) -> None:
    asked = {
        "n_clusters": 7, "neighbors.k": 1, "neighbors.threshold": 0.77, "train.n_heads": 3,
        "train.hidden_dim": 1, "train.bottleneck_dim": 9, "train.epochs": 17,
        "train.warmup_epochs": 0, "train.batch_size": 33, "train.learning_rate": 0.123,
        "train.teacher_momentum": 0.0, "train.n_smoothing": 6, "train.precision": "float32",
        "self_train.batch_size": 21, "self_train.iterations": 4, "evaluate.kmeans_restarts": 2,
    }  # fmt: skip
    sizes = facts(n_images, n_clusters, n_features)
    config = autoconfigure(Config().with_values(asked), sizes)
    assert {name: values_of(config)[name] for name in asked} == asked
    for name, value in asked.items():
        if name == "train.warmup_epochs":
            continue
        alone = autoconfigure(Config().with_values({name: value}), sizes)
        assert values_of(alone)[name] == value


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("size", [(10, 2, 4), (1_281_167, 1000, 2048)])
def test_presets_come_through_unchanged(name: str, size: tuple[int, int, int]) -> None:
    before = Config().with_values(preset(name))
    after = autoconfigure(before, facts(*size, device="cpu", backbone="pixels"))
    changed = {
        setting
        for setting, value in values_of(after).items()
        if value != values_of(before)[setting]
    }
    assert changed == {"evaluate.kmeans_restarts"}


def test_what_is_fitted_follows_what_is_set() -> None:
    config = autoconfigure(
        Config().with_values({"train.epochs": 20, "train.batch_size": 100}), facts(1000, 10)
    )
    assert config.train.warmup_epochs == 2
    assert config.train.learning_rate == pytest.approx(1e-3 * 256 / 100, rel=1e-3)
    assert config.train.teacher_momentum == pytest.approx(1 - 1 / (0.03 * 200), abs=1e-4)
    assert config.self_train.batch_size == 100
    hidden = autoconfigure(Config().with_values({"train.hidden_dim": 1}), facts(1000, 10))
    assert hidden.train.bottleneck_dim == 1


def test_a_batch_beyond_the_images_counts_as_all_images() -> None:
    asked = Config().with_values({"train.batch_size": 4096, "train.epochs": 2000})
    config = autoconfigure(asked, facts(100, 4))
    assert config.train.batch_size == 4096
    assert config.train.learning_rate == pytest.approx(1 / 2000 * 256 / 100, rel=1e-3)


def test_a_very_long_training_has_a_learning_rate() -> None:
    asked = Config().with_values({"train.epochs": 10_000})
    config = autoconfigure(asked, facts(1_281_167, 1000))
    assert config.train.learning_rate == pytest.approx(1 / (10_000 * 1251) / 4, rel=1e-3)


def test_epochs_make_room_for_a_long_warmup() -> None:
    asked = Config().with_values({"train.warmup_epochs": 150})
    assert autoconfigure(asked, facts(128_545, 100)).train.epochs == 150
