from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import pytest
from cache_samples import PIXELS, SPEC

from ucls.cache import FeatureSpec, cache_file_name
from ucls.errors import UsageError


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        PIXELS,
        replace(SPEC, mean=(), std=(), split=""),
        replace(SPEC, image_size=(224, 448), n_views=9, precision="bfloat16"),
    ],
)
def test_attributes_round_trip(tmp_path: Path, spec: FeatureSpec) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs.update(spec.to_attributes())
    with h5py.File(tmp_path / "x.h5", "r") as file:
        back = FeatureSpec.from_attributes(file.attrs)
    assert back == spec
    assert type(back.has_patch_mean) is bool
    assert type(back.image_size) is type(spec.image_size)


def test_attributes_that_older_files_lack(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs.update(PIXELS.to_attributes())
        del file.attrs["n_views"], file.attrs["precision"]
        assert FeatureSpec.from_attributes(file.attrs) == PIXELS
        del file.attrs["backbone"]
        with pytest.raises(KeyError, match="backbone"):
            FeatureSpec.from_attributes(file.attrs)


def test_patches_of_the_foreground_are_sets_of_their_own() -> None:
    assert SPEC.feature_sets == ["cls", "cls+patch", "cls2", "cls4", "cls4+patch"]
    foreground = replace(SPEC, backbone="vit-foreground")
    assert foreground.feature_sets == ["cls", "cls2", "cls4", "fg", "cls+fg", "cls4+fg"]
    assert (foreground.width("fg"), foreground.width("cls4+fg")) == (8, 40)
    with pytest.raises(UsageError, match=r"expected one of cls, .*, got 'cls\+patch'"):
        foreground.width("cls+patch")
    assert replace(PIXELS, backbone="x-foreground").feature_sets == ["cls"]


def test_bytes_of_all_views() -> None:
    assert SPEC.bytes_per_image == 2 * (4 + 1) * 8 * 2


def test_differences_show_both_values() -> None:
    assert SPEC.differences(SPEC) == []
    assert SPEC.differences(replace(SPEC, image_size=518, crop=1.0)) == [
        "image_size is 224 there, 518 now",
        "crop is 0.875 there, 1.0 now",
    ]


@pytest.mark.parametrize(
    "change", [{"dtype": "float64"}, {"precision": "none"}, {"n_layers": 0}, {"n_views": 0}]
)
def test_specs_that_cannot_be(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="expected"):
        replace(SPEC, **change)


def test_feature_sets_and_their_widths() -> None:
    assert SPEC.feature_sets == ["cls", "cls+patch", "cls2", "cls4", "cls4+patch"]
    assert [SPEC.width(name) for name in SPEC.feature_sets] == [8, 16, 16, 32, 40]
    assert PIXELS.feature_sets == ["cls"]
    assert replace(SPEC, n_layers=2).feature_sets == ["cls", "cls+patch", "cls2"]


@pytest.mark.parametrize("name", ["cls+patch", "cls4", "patch"])
def test_feature_set_that_cannot_be_had(name: str) -> None:
    with pytest.raises(UsageError, match=r"1 block without mean .* one of cls, got"):
        PIXELS.width(name)


def test_file_name_is_readable_and_ignores_what_a_mismatch_reports() -> None:
    name = cache_file_name(SPEC)
    assert name.startswith("sample-train-vit_small-224-")
    other = replace(SPEC, fingerprint="x", weights_hash="y", crop=1.0, timm_version="2")
    assert cache_file_name(other) == name


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "Sample"},
        {"split": "val"},
        {"backbone": "b"},
        {"image_size": 518},
        {"image_size": (224, 448)},
    ],
)
def test_file_name_tells_caches_apart(change: dict[str, Any]) -> None:
    assert cache_file_name(replace(SPEC, **change)) != cache_file_name(SPEC)


def test_file_name_of_an_image_size_that_is_not_square() -> None:
    assert "-224x448-" in cache_file_name(replace(SPEC, image_size=(224, 448)))


def test_file_name_is_safe() -> None:
    spec = replace(SPEC, dataset="/data/ü b:c\\" + "x" * 300, backbone="../hub:a/b")
    name = cache_file_name(spec)
    assert not set(name) & set('/\\:*?"<>| ')
    assert cache_file_name(replace(spec, dataset="/data/u b:c\\" + "x" * 300)) != name


def test_file_name_keeps_letters_of_every_script() -> None:
    for dataset in ("Fünf Äpfel", "Fu\u0308nf A\u0308pfel"):
        assert cache_file_name(replace(SPEC, dataset=dataset)).startswith("Fünf_Äpfel-train-")
    assert cache_file_name(replace(SPEC, dataset="花の写真")).startswith("花の写真-train-")


@pytest.mark.parametrize("letter", ["x", "é", "花", "🌸", "\udcff", "𠮷", "."])
def test_file_name_is_short_enough_to_be_written(tmp_path: Path, letter: str) -> None:
    long = letter * 255
    spec = replace(SPEC, dataset=long, split=long, backbone=long, image_size=(10_000, 10_000))
    name = cache_file_name(spec)
    assert len(name.encode()) < 200
    assert not name.startswith(".")
    (tmp_path / f"{name}.images.partial").touch()


def test_file_name_tells_folders_of_the_same_name_apart() -> None:
    names = {cache_file_name(SPEC, location=place) for place in ("", "/a/imgs", "/b/imgs")}
    assert len(names) == 3
