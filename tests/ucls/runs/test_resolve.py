from pathlib import Path

import pytest

from ucls.cache import RunFolder
from ucls.errors import UsageError
from ucls.runs.features import Classes
from ucls.runs.resolve import (
    ExtractedData,
    feature_width,
    feature_widths,
    read_extracted,
    resolve,
)
from ucls.settings.config import Config, ExtractConfig

DATA = ExtractedData(
    n_images=100,
    n_classes=None,
    widths={"vit": {"cls": 8, "cls+patch": 16}},
    extractions={"vit": ExtractConfig(backbone="vit", image_size=28, channels=3, workers=0)},
    device="cpu",
    fast_precision="float32",
    caches={},
    cache_key="k",
    classes=Classes(),
    weights_hashes={"vit": "none"},
    labels_key=None,
)


def test_the_features_default_to_patches_where_there_are_some() -> None:
    assert resolve(Config(n_clusters=2), DATA).features == "cls+patch"
    patchless = DATA.model_copy(update={"widths": {"vit": {"cls": 8}}})
    assert resolve(Config(n_clusters=2), patchless).features == "cls"
    with pytest.raises(UsageError, match=r"'cls4' were asked for, .* holds cls, cls\+patch"):
        resolve(Config(n_clusters=2, features="cls4"), DATA)


def test_the_number_of_clusters() -> None:
    suggested = DATA.model_copy(update={"n_suggested": 6})
    assert resolve(Config(), suggested).n_clusters == 6
    assert resolve(Config(n_clusters=5), suggested).n_clusters == 5
    with pytest.raises(UsageError, match=r"101 clusters .* only 100 images; pass a smaller -k"):
        resolve(Config(n_clusters=101), DATA)
    labelled = DATA.model_copy(update={"n_classes": 7})
    assert resolve(Config(), labelled).n_clusters == 7
    assert resolve(Config(n_clusters=5), labelled).n_clusters == 5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"neighbors.k": 100}, r"k must be between 1 and 99 for 100 images, but it is 100"),
        ({"train.n_heads": 4, "ensemble.heads": "0-4"}, r"heads must be in 0..3, got 4"),
        (
            {"train.n_heads": 4, "train.scales": [1, 2], "ensemble.heads": "best:9"},
            "best:9 asks for 9 heads, but there are 8",
        ),
        (
            {"train.scales": [2, 3], "merge.linkage": "none"},
            r"\[2\.0, 3\.0\] and merge.linkage is none, so no head .* add 1 to train.scales",
        ),
        (
            {"merge.min_cluster_size": 51},
            r"100 images make no two clusters of at least 51 images: .* of 50 or less",
        ),
        (
            {"train.objective": "scan", "train.beta": 0.5},
            "beta has no part in the objective scan, it is used by ucls, temi",
        ),
    ],
)
def test_settings_that_cannot_work_are_found_at_once(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        resolve(Config(n_clusters=5).with_values(settings), DATA)


def test_heads_of_all_sizes_count() -> None:
    settings = {"train.n_heads": 4, "train.scales": [1, 2], "ensemble.heads": "0,7"}
    config = resolve(Config(n_clusters=5).with_values(settings), DATA)
    assert config.ensemble.heads == "0,7"


@pytest.mark.parametrize("views", ["augmented", "both"])
def test_augmented_views_need_cached_ones(views: str) -> None:
    config = Config(n_clusters=5).with_values({"train.views": views})
    with pytest.raises(UsageError, match=f"train.views is {views}, but no augmented .* --views 2"):
        resolve(config, DATA)
    cached = DATA.model_copy(update={"n_views": 3})
    assert resolve(config, cached).train.views == views


def test_without_merging_heads_of_the_wanted_size_are_enough() -> None:
    config = Config(n_clusters=5).with_values({"merge.linkage": "none"})
    assert resolve(config, DATA).train.scales == (1,)
    several = config.with_values({"train.scales": [3, 1]})
    assert resolve(several, DATA).train.scales == (3, 1)


def test_data_of_an_older_version_hold_one_view() -> None:
    stored = DATA.model_dump(mode="json")
    del stored["n_views"]
    assert ExtractedData.model_validate(stored) == DATA
    assert DATA.n_views == 1


TWO = DATA.model_copy(
    update={
        "widths": {"vit": {"cls": 8, "cls+patch": 16}, "pixels": {"cls": 3}},
        "extractions": {"vit": ExtractConfig(backbone="vit"), "pixels": ExtractConfig()},
    }
)


def test_features_of_several_backbones_are_named() -> None:
    features = resolve(Config(n_clusters=2, features="cls@pixels,cls+patch"), TWO).features
    assert features == "cls@pixels,cls+patch@vit"
    assert feature_width(features, TWO) == 19
    assert feature_widths(features, TWO) == [3, 16]
    assert feature_widths("cls", TWO) == [8]
    with pytest.raises(UsageError, match=r"of dino_vits16 were asked for, but .* from vit, pixels"):
        resolve(Config(n_clusters=2, features="cls@dino_vits16"), TWO)
    with pytest.raises(UsageError, match=r"'cls2' were asked for, but the cache of pixels holds"):
        resolve(Config(n_clusters=2, features="cls2@pixels"), TWO)


def test_a_run_of_another_version(run_path: Path) -> None:
    folder = RunFolder(run_path)
    assert read_extracted(folder).n_images == 120
    data = dict(folder.record["data"])
    del data["caches"]
    folder.update(data=data)
    with pytest.raises(UsageError, match=r"made by another version of UCLS: .* --overwrite"):
        read_extracted(folder)
