import re

import pytest

from ucls.errors import UsageError
from ucls.settings.config import Config, setting_names
from ucls.settings.data_facts import DataFacts
from ucls.settings.fitting import autoconfigure
from ucls.settings.objectives import RECORDS, objective_names, special_settings
from ucls.settings.presets import COMMON, PRESETS, preset

LARGE, BASE = (f"dinov2_vit{size}14_reg4" for size in "lb")

SMALL = DataFacts(
    n_images=20, n_features=3, n_clusters=2, backbone="x", device="cpu", fast_precision="float32"
)

# Thesis 6.2, 6.4.1.1 and 6.4.1.8: clusters, backbone, epochs, batch, teacher temperature, beta.
THESIS = {
    "cifar10": (10, LARGE, 400, 256, 0.07, 0.6),
    "cifar20": (20, LARGE, 400, 256, 0.07, 0.55),
    "cifar100": (100, LARGE, 400, 256, 0.07, 0.6),
    "stl10": (10, BASE, 800, 1024, 0.1, 0.6),
    "food101": (101, LARGE, 400, 1024, 0.1, 0.6),
    "imagenet50": (50, LARGE, 400, 1024, 0.1, 0.6),
    "imagenet100": (100, LARGE, 400, 1024, 0.1, 0.6),
    "imagenet200": (200, LARGE, 400, 1024, 0.1, 0.6),
    "tiny-imagenet": (200, LARGE, 400, 1024, 0.1, 0.6),
    "imagenet": (1000, LARGE, 400, 1024, 0.1, 0.6),
}


@pytest.mark.parametrize("name", THESIS)
def test_settings_of_the_thesis(name: str) -> None:
    config = autoconfigure(Config().with_values(preset(name)), SMALL)
    train = config.train
    assert THESIS[name] == (
        config.n_clusters,
        config.extract.backbone,
        train.epochs,
        train.batch_size,
        train.teacher_temperature,
        train.beta,
    )
    assert (config.extract.image_size, config.features) == (224, "cls+patch")
    assert (config.neighbors.k, config.neighbors.threshold) == (50, 0.3)
    assert (train.warmup_epochs, train.learning_rate) == (100, 1.25e-6)
    # Held after the warm-up, as by TEMI's command.
    assert train.final_learning_rate == train.learning_rate
    assert (train.weight_decay, train.n_heads, train.teacher_momentum) == (1e-4, 50, 0.996)
    assert (train.hidden_dim, train.bottleneck_dim) == (512, 256)
    assert (train.sinkhorn_iterations, train.cross_entropy, train.n_smoothing) == (3, 0.5, 1)
    assert (train.scales, train.early_stopping, config.merge.linkage) == ((1,), False, "none")
    assert (train.objective, train.prior, train.views) == ("ucls", "uniform", "neighbor")
    assert (train.batch_norm, train.instance_weights, train.symmetric) == (True, True, False)
    assert (config.ensemble.heads, config.ensemble.drop_collapsed) == ("all", False)
    assert config.ensemble.vertex_weights == "size"
    assert config.self_train.iterations == 12_500
    expected = [m * 10.0**-e for e in (5, 4, 3, 2) for m in (1, 2, 5)] + [0.1]
    assert config.self_train.learning_rates == pytest.approx(expected)


def test_the_ten_benchmarks_have_one_each() -> None:
    assert PRESETS.keys() == THESIS.keys()


@pytest.mark.parametrize("name", PRESETS)
def test_every_name_is_a_setting(name: str) -> None:
    assert preset(name).keys() <= set(setting_names())


def test_presets_are_copies() -> None:
    preset("cifar10")["train.epochs"] = 1
    assert preset("cifar10")["train.epochs"] == COMMON["train.epochs"] == 400


@pytest.mark.parametrize("objective", objective_names())
@pytest.mark.parametrize("name", PRESETS)
def test_another_objective_takes_all_that_it_heeds(name: str, objective: str) -> None:
    values = preset(name, objective=objective)
    config = Config().with_values({**values, "train.objective": objective})
    assert config.train.objective == objective
    whole = preset(name)
    left_out = {setting.removeprefix("train.") for setting in whole.keys() - values.keys()}
    unused = {
        s for s in special_settings() - RECORDS[objective].options.keys() if f"train.{s}" in whole
    }
    if objective == "temi":
        unused.add("cross_entropy")
    elif objective not in ("ucls", "scan"):
        unused = {s.removeprefix("train.") for s in whole if s.startswith("train.")}
        unused -= {"early_stopping", "precision"}
    assert left_out == unused
    assert values == {setting: whole[setting] for setting in values}


def test_what_scan_takes_of_a_preset() -> None:
    values = preset("cifar20", objective="scan")
    assert values["train.teacher_momentum"] == 0.996
    assert values["train.hidden_dim"] == 512
    assert {"train.beta", "train.cross_entropy"}.isdisjoint(values)


def test_an_unknown_preset_names_those_there_are() -> None:
    expected = re.escape("there is no preset 'mnist'; choose one of cifar10, cifar20, cifar100,")
    with pytest.raises(UsageError, match=expected):
        preset("mnist")
