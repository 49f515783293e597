import csv
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.conftest import Cli, Lines, StartUcls, blobs, classified
from ucls import pipeline
from ucls.cache import FeatureCache, RunFolder, read_assignments, read_tensors, read_truth
from ucls.ensemble.mutual_information import normalized_mutual_information
from ucls.errors import MismatchError, UclsError, UsageError
from ucls.runs.catalog import STAGES
from ucls.runs.run import Run
from ucls.settings.config import Config
from ucls.sources import load_source
from ucls.stages.evaluate import evaluate
from ucls.stages.predict import predict
from ucls.stages.train import train

PIXELS = {
    "n_clusters": 3,
    "extract.backbone": "pixels",
    "extract.image_size": 4,
    "extract.workers": 0,
}
RESULTS = ("labels.csv", "assignments.h5", "metrics.json")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def wait_until(condition: object, process: "subprocess.Popen[str]") -> None:
    """Waits for what a running process leaves on disk."""
    assert callable(condition)
    for _ in range(60_000):
        if condition():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    pytest.fail("waited in vain")


def kill(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_every_file_of_a_run_is_there(shared_run: Path) -> None:
    expected = {name for stage in STAGES for name in stage.files}
    assert {path.name for path in shared_run.iterdir()} - {"run.lock"} == {
        *expected, "run.json", "config.toml", "baselines.json", "truth.h5",
        "preparation.safetensors",
    }  # fmt: skip


def test_a_finished_run_is_skipped_stage_by_stage(
    tmp_path: Path, sources: Path, tiny_config: Config, lines: Lines
) -> None:
    first = pipeline.run(str(sources / "plain.npy"), out=tmp_path / "a", config=tiny_config)
    took = RunFolder(first.path).record["stages"]["extract"]
    again = pipeline.run(
        str(sources / "plain.npy"), out=tmp_path / "a", config=tiny_config, reporter=lines
    )
    assert again == first
    skipped = [
        line for line in lines.said if line.endswith("done before with these settings, skipped")
    ]
    assert [line.partition(":")[0] for line in skipped] == [
        "neighbors", "train", "merge", "ensemble", "self-train", "evaluate",
    ]  # fmt: skip
    assert "are cached in" in lines.said[0]
    assert RunFolder(first.path).record["stages"]["extract"] == took


def test_other_settings_are_refused_until_overwritten(
    tmp_path: Path, sources: Path, tiny_config: Config
) -> None:
    source, out = str(sources / "plain.npy"), tmp_path / "a"
    pipeline.run(source, out=out, config=tiny_config)
    other = tiny_config.with_values({"seed": 7})
    with pytest.raises(MismatchError, match="seed is 0 there, 7 here"):
        pipeline.run(source, out=out, config=other)
    assert pipeline.run(source, out=out, config=other, overwrite=True).figures["seed"] == 7


@pytest.mark.slow
def test_the_same_seed_gives_the_same_files(
    shared_run: Path, tmp_path: Path, sources: Path, tiny_config: Config
) -> None:
    again = pipeline.run(
        load_source(str(sources / "blobs.npz"), val=str(sources / "blobs-val.npz")),
        out=tmp_path / "again",
        config=tiny_config,
    ).path
    for name in (*RESULTS, "heads.safetensors", "neighbors.h5"):
        assert (again / name).read_bytes() == (shared_run / name).read_bytes(), name
    other = pipeline.run(
        load_source(str(sources / "blobs.npz"), val=str(sources / "blobs-val.npz")),
        out=tmp_path / "other",
        config=tiny_config.with_values({"seed": 1}),
    ).path
    assert (other / "heads.safetensors").read_bytes() != (again / "heads.safetensors").read_bytes()


def test_two_runs_share_a_cache(
    tmp_path: Path, sources: Path, own_cache: Path, tiny_config: Config
) -> None:
    for name, seed in (("a", 0), ("b", 1)):
        config = tiny_config.with_values({"seed": seed})
        pipeline.start(str(sources / "plain.npy"), out=tmp_path / name, config=config)
    assert len(list(own_cache.glob("*.h5"))) == 1


def test_settings_changed_in_a_stage_are_the_runs_own(
    tmp_path: Path, sources: Path, tiny_config: Config, lines: Lines
) -> None:
    source, out = str(sources / "plain.npy"), tmp_path / "a"
    pipeline.run(source, out=out, config=tiny_config)
    train(out, settings={"train.n_heads": 2})
    changed = tiny_config.with_values({"train.n_heads": 2})
    pipeline.run(source, out=out, config=changed, reporter=lines)
    assert "train: done before with these settings, skipped" in lines.said
    assert any("of 2 heads" in line for line in lines.said)


def test_the_run_is_named_after_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sources: Path, tiny_config: Config
) -> None:
    monkeypatch.chdir(tmp_path)
    started = pipeline.start(str(sources / "plain.npy"), config=tiny_config)
    assert started.folder.path == Path("runs/plain")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_clusters": 121}, "only 120 images"),
        ({"merge.min_cluster_size": 61}, "120 images make no two clusters of at least 61"),
    ],
)
def test_the_size_of_clusters_is_checked_before_anything_is_written(
    settings: dict[str, int], message: str, tmp_path: Path, sources: Path, own_cache: Path
) -> None:
    config = Config().with_values(settings)
    with pytest.raises(UsageError, match=message):
        pipeline.run(str(sources / "plain.npy"), out=tmp_path / "a", config=config)
    assert not (tmp_path / "a").exists()
    assert not own_cache.exists()


def test_without_a_number_the_features_tell_it(
    tmp_path: Path, sources: Path, own_cache: Path, tiny_config: Config, lines: Lines
) -> None:
    config = tiny_config.model_copy(update={"n_clusters": None})
    for _ in range(2):
        begun = pipeline.start(
            str(sources / "plain.npy"), out=tmp_path / "a", config=config, reporter=lines
        )
        assert begun.n_clusters == 4
    told = [line for line in lines.said if line.startswith("clusters: ")]
    assert len(told) == 1
    assert "4: the images fall apart clearly into so many (next best: " in told[0]


def test_images_that_hold_together_are_not_divided(tmp_path: Path, own_cache: Path) -> None:
    features = np.random.default_rng(0).normal(size=(300, 24)).astype(np.float32)
    np.save(tmp_path / "cloud.npy", features)
    with pytest.raises(UsageError, match=r"hold together as one cluster.*pass -k NUMBER"):
        pipeline.run(str(tmp_path / "cloud.npy"), out=tmp_path / "a")


def test_labels_of_a_single_class(photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    shutil.copytree(photos / "high", folder / "high")
    with pytest.raises(UsageError, match=r"the labels know only 1 class, .*; pass -k NUMBER"):
        pipeline.run(load_source(str(folder), labels="folders"), out=tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_fewer_readable_images_than_clusters(tmp_path: Path, tiny_config: Config) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    for i in range(4):
        Image.fromarray(np.eye(4, k=i, dtype=np.uint8) * 200).save(folder / f"{i}.png")
    (folder / "0.png").write_bytes(b"")
    config = tiny_config.with_values({**PIXELS, "n_clusters": 4})
    with pytest.raises(UsageError, match=r"4 clusters .* only 3 images; pass a smaller -k"):
        pipeline.run(str(folder), out=tmp_path / "a", config=config)
    # Trying again as told works without --overwrite.
    smaller = config.with_values({"n_clusters": 2})
    assert pipeline.run(str(folder), out=tmp_path / "a", config=smaller).figures["n_clusters"] == 2


def test_images_that_are_all_alike(tmp_path: Path, tiny_config: Config) -> None:
    folder = tmp_path / "blank"
    folder.mkdir()
    for i in range(8):
        Image.new("RGB", (4, 4), (i, i, i)).save(folder / f"{i}.png")
    with pytest.raises(UsageError, match="all 8 rows of features are the same, so nothing tells"):
        pipeline.run(str(folder), out=tmp_path / "a", config=tiny_config.with_values(PIXELS))


def test_an_array_is_clustered_like_the_file_that_holds_it(
    tmp_path: Path, sources: Path, own_cache: Path, tiny_config: Config
) -> None:
    features, labels = blobs(120, 0)
    config = tiny_config.model_copy(update={"n_clusters": None})
    finished = pipeline.run(
        features, labels=labels, n_clusters=4, out=tmp_path / "array", config=config
    )
    file = sources / "blobs.npz"
    expected = pipeline.run(file, n_clusters=4, out=tmp_path / "file", config=config)
    np.testing.assert_array_equal(finished.labels, expected.labels)
    np.testing.assert_array_equal(finished.probabilities, expected.probabilities)
    for name in ("ensemble.chosen", "self_training"):
        assert finished.figures["train"][name] == expected.figures["train"][name]
    again = pipeline.run(features, labels=labels, n_clusters=4, out=finished.path, config=config)
    assert again == finished
    with pytest.raises(MismatchError, match=r"name is \"array-"):
        pipeline.run(features + 1, n_clusters=4, out=finished.path, config=config)


def test_rows_of_zeros_in_an_array_are_told_by_the_rows_that_are_left(
    tmp_path: Path, own_cache: Path, tiny_config: Config
) -> None:
    features = torch.from_numpy(blobs(120, 0)[0])
    features[5] = 0
    finished = pipeline.run(features, n_clusters=4, out=tmp_path / "a", config=tiny_config)
    assert finished.rows.tolist() == [row for row in range(120) if row != 5]
    assert len(finished.labels) == len(finished.paths) == 119


def test_two_images(tmp_path: Path, tiny_config: Config) -> None:
    np.save(tmp_path / "two.npy", np.eye(2))
    config = tiny_config.with_values({"n_clusters": 2})
    finished = pipeline.run(str(tmp_path / "two.npy"), out=tmp_path / "a", config=config)
    assert len(read(finished.path / "labels.csv")) == 2


def test_unreadable_images_are_listed_and_the_run_goes_on(
    photos: Path, tmp_path: Path, own_cache: Path, tiny_config: Config, lines: Lines
) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    (folder / "high" / "00.png").write_bytes(b"")
    whole = (folder / "left" / "01.png").read_bytes()
    (folder / "left" / "01.png").write_bytes(whole[: len(whole) // 2])
    config = tiny_config.with_values(PIXELS)
    path = pipeline.run(
        load_source(str(folder), labels="folders"),
        out=tmp_path / "a",
        config=config,
        reporter=lines,
    ).path
    assert (
        f"extract: skipped what could not be read (2 of 60), see {path / 'skipped.csv'}; the first "
        "is high/00.png, empty file" in lines.said
    )
    assert [(row["path"], row["split"], row["reason"]) for row in read(path / "skipped.csv")] == [
        ("high/00.png", "train", "empty file"),
        ("left/01.png", "train", "truncated file"),
    ]
    labelled = [row["path"] for row in read(path / "labels.csv")]
    assert len(labelled) == 58
    assert "high/00.png" not in labelled
    # Once they are repaired and the cache is gone, they are no longer listed.
    for name in ("high/00.png", "left/01.png"):
        shutil.copy(photos / name, folder / name)
    for cache in own_cache.glob("*.h5"):
        cache.unlink()
    pipeline.run(load_source(str(folder), labels="folders"), out=tmp_path / "a", config=config)
    assert not (path / "skipped.csv").exists()
    assert len(read(path / "labels.csv")) == 60


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n_clusters", [6, 9, 10])
def test_few_different_images_are_told_of_once(
    tmp_path: Path, tiny_config: Config, lines: Lines, n_clusters: int
) -> None:
    different = blobs(9, 0)[0]
    np.save(tmp_path / "nine.npy", np.concatenate([different, *([different] * 4)]))
    config = tiny_config.with_values({"n_clusters": n_clusters, "train.epochs": 40})
    source = str(tmp_path / "nine.npy")
    finished = pipeline.run(source, out=tmp_path / "a", config=config, reporter=lines)
    told = [line for line in lines.said if "distinct" in line]
    assert len(told) == (n_clusters == 10)
    assert all("WARNING: only 9 distinct rows of features for 10 clus" in line for line in told)
    assert not finished.figures["collapsed"]


def test_rows_of_zeros_are_skipped_like_unreadable_images(
    tmp_path: Path, own_cache: Path, tiny_config: Config, lines: Lines
) -> None:
    paths = []
    for name, n in (("x", 120), ("y", 40)):
        features, labels = blobs(n, n)
        features[::10] = 0
        paths.append(tmp_path / f"{name}.npz")
        np.savez(paths[-1], features=features, labels=labels)
    source = load_source(str(paths[0]), val=str(paths[1]))
    path = pipeline.run(source, out=tmp_path / "a", config=tiny_config, reporter=lines).path
    skipped = f"skipped what could not be read (16 of 160), see {path / 'skipped.csv'}; the first"
    assert f"extract: {skipped} is x/000, all zeros: it has no features" in lines.said
    rows = read(path / "labels.csv")
    expected = [(f"x/{i:03d}", "train") for i in range(120) if i % 10]
    expected += [(f"y/{i:02d}", "val") for i in range(40) if i % 10]
    assert [(row["path"], row["split"]) for row in rows] == expected
    truth = read_truth(path / "truth.h5").labels
    for split, images in source.splits.items():
        kept = np.arange(len(images)) % 10 > 0
        np.testing.assert_array_equal(truth[split], images.labels[kept])
    result = predict(path, str(paths[1]), out=tmp_path / "new.csv")
    assert result.skipped[1] == ("y/10", "all zeros: it has no features")
    assert [row["path"] for row in read(tmp_path / "new.csv")] == [one for one, _ in expected[108:]]
    strict = tiny_config.with_values({"extract.strict": True})
    for cache in (tmp_path / "other", own_cache):  # extracted now, and extracted before
        with pytest.raises(UclsError, match="x/000"):
            pipeline.run(source, out=tmp_path / "b", config=strict, cache_dir=cache)


@pytest.mark.slow
@pytest.mark.parametrize("size", [2.0**-100, 1e-9, 2.0**100])
@pytest.mark.parametrize("inputs", ["heads", "tokens"])
def test_the_scale_of_the_features_does_not_matter(
    tmp_path: Path, sources: Path, tiny_config: Config, size: float, inputs: str
) -> None:
    features = np.load(sources / "plain.npy")
    config = tiny_config.with_values({"self_train.inputs": inputs})
    labels = []
    for name, factor in (("usual", 1.0), ("sized", size)):
        (tmp_path / name).mkdir()
        source = tmp_path / name / "x.npy"
        np.save(source, features * np.float32(factor))
        run_path = pipeline.run(str(source), out=tmp_path / name / "run", config=config).path
        predict(run_path, str(source), out=tmp_path / name / "new.csv")
        new = [row["cluster"] for row in read(tmp_path / name / "new.csv")]
        assert new == [row["cluster"] for row in read(run_path / "labels.csv")]
        labels.append((run_path / "labels.csv").read_text())
    if size == 1e-9:  # values are rounded, which hardly trained heads make much of
        usual, sized = ([line.split(",")[2] for line in text.splitlines()[1:]] for text in labels)
        assert normalized_mutual_information(*map(np.int32, (usual, sized))) > 0.9
    else:
        assert labels[0] == labels[1]


def test_a_folder_with_labels_beats_chance(shared_photo_run: Path) -> None:
    figures = json.loads((shared_photo_run / "metrics.json").read_text())
    assert figures["n_clusters"] == 3
    assert figures["train"]["kmeans"]["acc"] > 0.5


def test_validation_images_are_labelled_but_not_trained_on(
    photos: Path, shared_photo_run: Path, tmp_path: Path, tiny_config: Config
) -> None:
    config = tiny_config.with_values(PIXELS)
    with pytest.raises(UsageError, match="overlap"):
        load_source(str(photos), val=str(photos / "high"))
    val = Path(shutil.copytree(photos, tmp_path / "val"))
    finished = pipeline.run(
        load_source(str(photos), val=str(val), labels="folders"),
        out=tmp_path / "a",
        config=config,
    )
    name = "heads.safetensors"
    assert (finished.path / name).read_bytes() == (shared_photo_run / name).read_bytes()
    rows = read(finished.path / "labels.csv")
    paths = [row["path"] for row in rows if row["split"] == "train"]
    told = [(row["path"], int(row["cluster"])) for row in rows if row["split"] == "val"]
    assert told == list(zip(paths, classified(finished.path).clusters.tolist(), strict=True))
    assert finished.figures["val"]["ensemble.chosen"]["acc"] is not None


@pytest.mark.slow
def test_a_vit_from_images_to_predictions(
    photos: Path, tmp_path: Path, tiny_config: Config
) -> None:
    torch.manual_seed(0)
    weights = tmp_path / "vit.safetensors"
    save_file(timm.create_model("vit_tiny_patch16_224", num_classes=0).state_dict(), weights)
    config = tiny_config.with_values(
        {
            "n_clusters": 3,
            "extract.backbone": "vit_tiny_patch16_224",
            "extract.weights": str(weights),
            "extract.image_size": 32,
            "extract.workers": 0,
        }
    )
    source = load_source(str(photos), labels="folders")
    finished = pipeline.run(source, out=tmp_path / "a", config=config)
    run = Run(finished.path)
    assert run.feature_set == "cls+patch"
    assert run.data.widths["vit_tiny_patch16_224"] == {
        "cls": 192, "cls+patch": 384, "cls2": 384, "cls4": 768, "cls4+patch": 960,
    }  # fmt: skip
    _, metadata = read_tensors(finished.path / "candidates.safetensors")
    candidates = json.loads(metadata["candidates"])
    assert len(candidates) == 7 * 4
    assert {c["feature_set"] for c in candidates} == {"cls", "cls+patch", "cls4", "cls4+patch"}
    predict(finished.path, str(photos), out=tmp_path / "new.csv")
    names = ("path", "cluster", "confidence")
    assert [[row[name] for name in names] for row in read(tmp_path / "new.csv")] == [
        [row[name] for name in names] for row in read(finished.path / "labels.csv")
    ]
    moved = str(shutil.copy(weights, tmp_path / "moved.safetensors"))
    other = timm.create_model("vit_tiny_patch16_224", num_classes=0).state_dict()
    save_file(other, weights)
    with pytest.raises(
        UsageError, match=r"was made with weights .* give the same file with --weights"
    ):
        predict(finished.path, str(photos), out=tmp_path / "other.csv")
    predict(finished.path, str(photos), weights=[moved], out=tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "new.csv").read_bytes()


def test_other_features_of_the_same_cache(
    photos: Path, tmp_path: Path, tiny_config: Config
) -> None:
    """Features are chosen when the cache is read, never by extracting again."""
    torch.manual_seed(0)
    weights = tmp_path / "vit.safetensors"
    save_file(timm.create_model("test_vit", num_classes=0).state_dict(), weights)
    values = {
        "n_clusters": 3,
        "extract.backbone": "test_vit",
        "extract.weights": str(weights),
        "extract.image_size": 32,
        "extract.workers": 0,
    }
    config = tiny_config.with_values(values)
    started = pipeline.start(str(photos), out=tmp_path / "a", config=config)
    before = Path(started.data.caches["train"]["test_vit"]).stat().st_mtime_ns
    other = pipeline.start(
        str(photos), out=tmp_path / "b", config=config.with_values({"features": "cls4"})
    )
    assert other.feature_set == "cls4"
    assert other.data.caches == started.data.caches
    assert Path(started.data.caches["train"]["test_vit"]).stat().st_mtime_ns == before
    with pytest.raises(UsageError, match="features"):
        pipeline.start(
            str(photos), out=tmp_path / "c", config=config.with_values({"features": "all"})
        )


@pytest.mark.slow
def test_a_killed_training_resumes_to_the_same_bytes(
    tmp_path: Path, sources: Path, tiny_options: list[str], start_ucls: StartUcls, cli: Cli
) -> None:
    command = ["run", sources / "blobs.npz", "--val", sources / "blobs-val.npz", "-k", 4]
    command += [*tiny_options, "--set", "train.epochs=150"]
    assert cli(*command, "--out", tmp_path / "whole").exit_code == 0
    assert evaluate(tmp_path / "whole")["train"]["ensemble.chosen"]["acc"] > 0.9
    killed = tmp_path / "killed"
    process = start_ucls(*command, "--out", killed)
    wait_until((killed / "checkpoint-group0.safetensors").exists, process)
    kill(process)
    assert RunFolder(killed).record["stages"]["train"]["status"] == "running"
    assert not (killed / "assignments.h5").exists()
    outcome = cli(*command, "--out", killed)
    assert outcome.exit_code == 0
    assert "train: resumes after epoch " in outcome.err
    for name in (*RESULTS, "heads.safetensors"):
        assert (killed / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    epochs, of_whole = (
        [json.loads(line)["epoch"] for line in (run / "train.jsonl").open()]
        for run in (killed, tmp_path / "whole")
    )
    assert epochs == of_whole == list(range(1, epochs[-1] + 1))


@pytest.fixture(scope="module")
def many_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,100 tiny images, and four large ones that take a while at the end."""
    folder = tmp_path_factory.mktemp("many") / "many"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(1100):
        pixels = rng.integers(0, 256, (4, 4), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:04d}.png", compress_level=1)
    large = Image.fromarray(np.tile(np.arange(250, dtype=np.uint8), (5000, 20)))
    large.save(folder / "large-0.png", compress_level=1)
    for i in range(1, 4):
        os.link(folder / "large-0.png", folder / f"large-{i}.png")
    return folder


def rows_written(cache: Path) -> int:
    for partial in cache.glob("*.h5.partial"):
        try:
            with h5py.File(partial, "r", locking=False) as file:
                return int(file.attrs["rows_written"])
        except (OSError, KeyError, RuntimeError):
            return 0
    return 0


@pytest.mark.slow
def test_a_killed_extraction_resumes_to_the_same_cache(
    tmp_path: Path, many_photos: Path, start_ucls: StartUcls, cli: Cli
) -> None:
    command = ["extract", many_photos, "--backbone", "pixels"]
    command += ["--set", "extract.workers=0", "--set", "extract.image_size=4"]
    killed = tmp_path / "killed"
    process = start_ucls(*command, "--cache-dir", killed)
    wait_until(lambda: rows_written(killed) >= 1024, process)
    kill(process)
    assert list(killed.glob("*.h5")) == []
    outcome = cli(*command, "--cache-dir", killed)
    assert outcome.exit_code == 0
    assert "extract: train resumes at image 1,024" in outcome.err
    assert cli(*command, "--cache-dir", tmp_path / "whole").exit_code == 0
    (resumed,), (whole,) = (list((tmp_path / name).glob("*.h5")) for name in ("killed", "whole"))
    with FeatureCache(resumed) as one, FeatureCache(whole) as other:
        np.testing.assert_array_equal(one.read("cls"), other.read("cls"))
        assert one.paths() == other.paths()
        assert len(one.paths()) == 1104


@pytest.mark.slow
def test_digits_with_default_settings(tmp_path: Path) -> None:
    finished = pipeline.run("digits", out=tmp_path / "digits")
    figures = finished.figures
    assert figures["train"]["ensemble.chosen"]["acc"] >= 0.84
    assert figures["train"]["ensemble.chosen"]["acc"] > figures["train"]["kmeans"]["acc"]
    on_train = figures["train"]["ensemble.chosen"]["acc"]
    assert figures["val"]["self_training"]["acc"] >= on_train - 0.05
    assert len(read_assignments(finished.path / "assignments.h5").loss) in (8, 16)
    result = predict(finished.path, "digits", split="val", out=tmp_path / "val.csv")
    assert result.n_images == 360
    labels = [row for row in read(finished.path / "labels.csv") if row["split"] == "val"]
    for name in ("cluster", "confidence", "probability"):
        found = [row[name] for row in read(tmp_path / "val.csv")]
        assert found == [row[name] for row in labels]
    assert evaluate(finished.path) == figures


def test_another_device_keeps_the_settings_it_began_with(
    tmp_path: Path, sources: Path, tiny_config: Config
) -> None:
    first = pipeline.run(str(sources / "plain.npy"), out=tmp_path / "a", config=tiny_config)
    folder = RunFolder(first.path)
    elsewhere = {"device": "cuda", "fast_precision": "float32"}
    folder.update(data={**folder.record["data"], **elsewhere})
    started = pipeline.start(str(sources / "plain.npy"), out=tmp_path / "a", config=tiny_config)
    assert (started.data.device, started.data.fast_precision) == ("cuda", "float32")
