"""The pipeline over datasets that share images, lists of images, and several backbones."""

import csv
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Lines
from tests.ucls.datasets import layouts
from ucls import pipeline
from ucls.cache import FeatureCache, read_truth
from ucls.errors import MismatchError, UsageError
from ucls.runs.opening import open_run
from ucls.runs.run import Run
from ucls.settings.config import Config
from ucls.sources import Source, load_source
from ucls.stages.predict import predict

PIXELS = {"extract.backbone": "pixels", "extract.image_size": 4, "extract.workers": 0}
UNTRAINED = {
    "extract.backbone": "timm/test_vit",
    "extract.weights": "random",
    "extract.image_size": 32,
    "extract.workers": 0,
}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def extract_train(source: Source, **values: Any) -> Path:
    settings = {name.replace("__", "."): value for name, value in values.items()}
    config = Config().with_values({**UNTRAINED, **settings})
    (path,) = pipeline.extract_source(source, config=config)["train"].values()
    return path


@pytest.mark.slow
def test_six_extractions_serve_all_ten_datasets(tmp_path: Path, own_cache: Path) -> None:
    for write in (
        layouts.write_cifar10, layouts.write_cifar100, layouts.write_stl10,
        layouts.write_food101, layouts.write_tiny_imagenet,
    ):  # fmt: skip
        write(tmp_path)
    layouts.write_imagenet(tmp_path / "imagenet", 200, 200, n_classes=200)
    config = Config().with_values(PIXELS)
    for name in (
        "cifar10", "cifar20", "cifar100", "stl10", "food101", "tiny-imagenet",
        "imagenet50", "imagenet100", "imagenet200", "imagenet",
    ):  # fmt: skip
        number = name.removeprefix("imagenet")
        subset = None
        if name.startswith("imagenet") and number:
            subset = layouts.write_subset(tmp_path / f"{number}.txt", int(number))
        source = load_source(name, data_dir=tmp_path, subset=subset)
        pipeline.extract_source(source, config=config)
    assert len(list(own_cache.glob("*-train-*.h5"))) == 6
    assert len(list(own_cache.glob("*.h5"))) == 12


@pytest.mark.slow
def test_superclasses_of_shared_images(tmp_path: Path, tiny_config: Config, lines: Lines) -> None:
    layouts.write_cifar100(tmp_path, 200, 100)
    config = tiny_config.with_values({**PIXELS, "n_clusters": None})
    pipeline.extract_source(load_source("cifar100", data_dir=tmp_path), config=config)
    source = load_source("cifar20", data_dir=tmp_path)
    finished = pipeline.run(source, out=tmp_path / "run", config=config, reporter=lines)
    assert sum("are cached in" in line for line in lines.said) == 2
    assert finished.figures["n_clusters"] == 20
    truth = read_truth(finished.path / "truth.h5")
    assert truth.class_names == [f"superclass {label:02d}" for label in range(20)]
    assert truth.labels["val"].tolist() == [layouts.superclass(label) for label in range(100)]


@pytest.mark.slow
def test_a_part_of_shared_images(tmp_path: Path, tiny_config: Config) -> None:
    layouts.write_imagenet(tmp_path / "imagenet", 52 * 4, 52 * 2, n_classes=52)
    subset = layouts.write_subset(tmp_path / "50.txt", 50)
    source = load_source("imagenet50", data_dir=tmp_path, subset=subset)
    config = tiny_config.with_values({**PIXELS, "n_clusters": None})
    finished = pipeline.run(source, out=tmp_path / "run", config=config)
    assert finished.figures["n_clusters"] == 50
    rows = rows_of(finished.path / "labels.csv")
    assert sum(row["split"] == "train" for row in rows) == 200
    assert sum(row["split"] == "val" for row in rows) == 100
    classes = {row["path"].split("/")[-2] for row in rows}
    assert classes == set(source.classes or ())

    predict(finished.path, source, split="val", out=tmp_path / "new.csv")
    predicted = [(row["path"], row["cluster"]) for row in rows_of(tmp_path / "new.csv")]
    assert predicted == [(row["path"], row["cluster"]) for row in rows if row["split"] == "val"]


@pytest.mark.slow
def test_other_classes_are_another_run(tmp_path: Path, tiny_config: Config) -> None:
    layouts.write_imagenet(tmp_path / "imagenet", 52 * 4, 52 * 2, n_classes=52)
    subset = layouts.write_subset(tmp_path / "50.txt", 50)
    config = tiny_config.with_values({**PIXELS, "n_clusters": None})

    def run() -> set[str]:
        source = load_source("imagenet50", data_dir=tmp_path, subset=subset)
        path = pipeline.run(source, out=tmp_path / "run", config=config).path
        return {row["path"].split("/")[-2] for row in rows_of(path / "labels.csv")}

    first = run()
    layouts.write_lines(subset, layouts.WORDNET_IDS[2:52])
    second = run()
    assert second == set(layouts.WORDNET_IDS[2:52]) != first


def test_a_part_without_a_name_is_of_the_backbone_asked_for(photos: Path, tmp_path: Path) -> None:
    config = Config(n_clusters=3, features="cls@pixels,cls+patch").with_values(UNTRAINED)
    run = pipeline.start(str(photos), out=tmp_path / "run", config=config)
    assert run.feature_set == "cls@pixels,cls+patch@test_vit"
    with pytest.raises(UsageError, match=r"features of dino_vits16 .* come from test_vit, pixels"):
        open_run(tmp_path / "run", settings={"features": "cls@dino_vits16"})


@pytest.mark.slow
def test_two_backbones_side_by_side(
    photos: Path, tmp_path: Path, tiny_config: Config, own_cache: Path
) -> None:
    config = tiny_config.with_values(
        {
            "n_clusters": 3,
            "features": "cls+patch@timm/test_vit,cls@pixels",
            "extract.weights": "random",
            "extract.image_size": 16,
            "extract.workers": 0,
            "self_train.inputs": "tokens",
        }
    )
    finished = pipeline.run(str(photos), out=tmp_path / "run", config=config)
    run = Run(finished.path)
    assert run.feature_set == "cls+patch@test_vit,cls@pixels"
    assert finished.figures["backbones"] == ["test_vit-untrained", "pixels"]
    assert len(list(own_cache.glob("*.h5"))) == 2
    with run.features("train") as features:
        values = features.read(run.feature_set)
    assert values.shape == (60, 2 * 64 + 3 * 32 * 32)
    np.testing.assert_allclose((values**2).sum(axis=1), 2, rtol=1e-4)

    predict(finished.path, str(photos), out=tmp_path / "new.csv")
    labels = rows_of(finished.path / "labels.csv")
    predicted = rows_of(tmp_path / "new.csv")
    assert [row["path"] for row in predicted] == [row["path"] for row in labels]
    equal = [a["cluster"] == b["cluster"] for a, b in zip(predicted, labels, strict=True)]
    assert np.mean(equal) > 0.95  # float16 in the cache, another batch in the model


@pytest.mark.slow
def test_labels_of_a_list_may_change(
    photos: Path, tmp_path: Path, tiny_config: Config, lines: Lines
) -> None:
    paths = sorted(str(path.relative_to(photos)) for path in photos.rglob("*.png"))
    manifest = photos.parent / "list.csv"

    def run(label_of: Any) -> dict[str, Any]:
        rows = [(f"photos/{path}", label_of(path)) for path in paths]
        layouts.write_manifest(manifest, [("path", "label"), *rows])
        config = tiny_config.with_values({**PIXELS, "n_clusters": 3})
        return pipeline.run(
            str(manifest), out=tmp_path / "run", config=config, reporter=lines
        ).figures["train"]["kmeans"]

    assert "acc" not in run(lambda _: "")
    right = run(lambda path: path.split("/")[0])
    assert "train: done before with these settings, skipped" in lines.said
    wrong = run(lambda path: "ab"[paths.index(path) // 20 % 2])
    half = run(lambda path: path.split("/")[0] if path < "left/2" else "")
    assert right["acc"] > 0.9
    assert wrong["acc"] < 0.9
    assert half["acc"] > 0.9


def test_untrained_backbones_are_marked_everywhere(
    photos: Path, tmp_path: Path, tiny_config: Config, lines: Lines
) -> None:
    config = tiny_config.with_values({**UNTRAINED, "n_clusters": 3})
    finished = pipeline.run(str(photos), out=tmp_path / "run", config=config, reporter=lines)
    assert any(line.startswith("WARNING: test_vit is untrained") for line in lines.said)
    figures = json.loads((finished.path / "metrics.json").read_text())
    assert figures["backbones"] == ["test_vit-untrained"]
    (cache,) = Run(finished.path).caches["train"].values()
    assert "test_vit_untrained" in cache.name
    with FeatureCache(cache) as features:
        assert features.spec.backbone == "test_vit-untrained"


def test_views_are_of_training_images_and_enough_of_them_are_reused(photos: Path) -> None:
    source = load_source(str(photos))
    path = extract_train(source, extract__views=2)
    before = path.read_bytes()
    with FeatureCache(path) as cache:
        assert cache.n_views == 3
        plain, first = cache.read("cls", view=0), cache.read("cls", view=1)
    assert np.abs(plain - first).max() > 0.01
    for fewer in (0, 1, 2):
        assert extract_train(source, extract__views=fewer).read_bytes() == before
    with pytest.raises(
        MismatchError, match="holds 2 augmented views of each image, 3 were asked for"
    ):
        extract_train(source, extract__views=3)

    val = load_source(str(photos / "high"), val=str(photos / "left"))
    config = Config().with_values({**UNTRAINED, "extract.views": 1})
    caches = pipeline.extract_source(val, config=config)
    n_views = {}
    for split, paths in caches.items():
        with FeatureCache(paths["test_vit"]) as cache:
            n_views[split] = cache.n_views
    assert n_views == {"train": 2, "val": 1}


@pytest.mark.slow
def test_more_views_do_not_make_another_run(
    photos: Path, tmp_path: Path, tiny_config: Config, lines: Lines
) -> None:
    config = tiny_config.with_values({**PIXELS, "n_clusters": 3})
    pipeline.run(str(photos), out=tmp_path / "run", config=config)
    more = config.with_values({"extract.views": 1})
    pipeline.extract_source(str(photos), config=more, overwrite=True)
    for again in (config, more):
        pipeline.run(str(photos), out=tmp_path / "run", config=again, reporter=lines)
    for stage in ("neighbors", "train", "ensemble", "self-train", "evaluate"):
        assert lines.said.count(f"{stage}: done before with these settings, skipped") == 2


def test_a_precision_that_was_asked_for_has_to_fit(photos: Path) -> None:
    source = load_source(str(photos))
    path = extract_train(source, extract__precision="bfloat16")
    with FeatureCache(path) as cache:
        assert cache.spec.precision == "bfloat16"
    assert extract_train(source) == path
    with pytest.raises(MismatchError, match="precision is 'bfloat16' there, 'float32' now"):
        extract_train(source, extract__precision="float32")


def test_images_need_not_be_square(photos: Path, own_cache: Path) -> None:
    path = extract_train(load_source(str(photos)), extract__image_size=[32, 48])
    assert "-32x48-" in path.name
    with FeatureCache(path) as cache:
        assert cache.spec.image_size == (32, 48)
        assert cache.read("cls4+patch").shape == (60, 5 * 64)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="other systems have no such names")
def test_names_that_are_not_utf8_work_from_the_folder_to_the_labels_and_back(
    photos: Path, tmp_path: Path, tiny_config: Config
) -> None:
    folder = tmp_path / os.fsdecode(b"photos-\xfc")
    try:
        shutil.copytree(photos / "high", folder / os.fsdecode(b"h\xf6ch"))
    except OSError:
        pytest.skip("this file system refuses such names")
    shutil.copytree(photos / "left", folder / "left")
    for number, name in enumerate((b"\xff.png", b"new\nline.png", b"a\rb.png", b'"q", r.png')):
        shutil.copy(
            photos / "plain" / f"{2 + 3 * number:02d}.png", folder / "left" / os.fsdecode(name)
        )
    (folder / "left" / os.fsdecode(b"\xe4.png")).touch()
    config = tiny_config.with_values({"n_clusters": 2, **PIXELS, "extract.workers": 1})
    run = tmp_path / os.fsdecode(b"r\xfcn")

    def listed(path: Path) -> dict[str, str]:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            return {row["path"]: row["cluster"] for row in csv.DictReader(file)}

    source = load_source(str(folder), labels="folders")
    labels = pipeline.run(source, out=run, config=config).path / "labels.csv"
    assert b"left/\xff.png," in labels.read_bytes()
    assert b"left/\xe4.png," in (run / "skipped.csv").read_bytes()
    assert open_run(run).freshness.is_done("evaluate")
    assert read_truth(run / "truth.h5").class_names == [os.fsdecode(b"h\xf6ch"), "left"]
    assert set(listed(labels)) == set(source.splits["train"].paths) - {
        os.fsdecode(b"left/\xe4.png")
    }
    predict(run, source, out=tmp_path / "new.csv")
    assert set(listed(tmp_path / "new.csv")) == set(listed(labels))
    as_list = Path(shutil.copy(labels, folder / "list.csv"))
    again = pipeline.run(load_source(str(as_list)), out=tmp_path / "b", config=config).path
    assert set(listed(again / "labels.csv")) == set(listed(labels))
    assert not (again / "skipped.csv").exists()
