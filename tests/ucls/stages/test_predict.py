import csv
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import classified
from ucls import pipeline
from ucls.cache import STDOUT
from ucls.errors import UclsError, UsageError
from ucls.runs.run import Run
from ucls.sources import load_source
from ucls.stages.cut import cut
from ucls.stages.ensemble import ensemble
from ucls.stages.merge import merge
from ucls.stages.predict import predict
from ucls.stages.self_train import self_train
from ucls.stages.train import train

if TYPE_CHECKING:
    from ucls.settings.config import Config


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_same_images_get_the_labels_of_the_classifier(
    shared_photo_run: Path, photos: Path, tmp_path: Path
) -> None:
    result = predict(shared_photo_run, str(photos), out=tmp_path / "new.csv")
    rows = read(tmp_path / "new.csv")
    names = ["path", "cluster", "confidence", "probability"]
    assert list(rows[0]) == names
    paths = [row["path"] for row in read(shared_photo_run / "labels.csv")]
    told = zip(paths, *map(np.ndarray.tolist, classified(shared_photo_run)), strict=True)
    assert [list(row.values()) for row in rows] == [
        [path, str(cluster), f"{confidence:.4f}", f"{probability:.4f}"]
        for path, cluster, confidence, probability in told
    ]
    assert result.n_images == sum(result.cluster_sizes.values()) == 60
    assert result.skipped == []


@pytest.mark.parametrize(
    ("inputs", "split"), [("heads", "val"), ("tokens", "val"), ("tokens", "train")]
)
def test_the_same_features_get_the_same_labels(
    run_path: Path, sources: Path, tmp_path: Path, inputs: str, split: str
) -> None:
    self_train(run_path, settings={"self_train.inputs": inputs})
    name = {"train": "blobs.npz", "val": "blobs-val.npz"}[split]
    predict(run_path, str(sources / name), out=tmp_path / "new.csv")
    expected = [row for row in read(run_path / "labels.csv") if row["split"] == split]
    names = ("cluster", "confidence", "probability")
    assert [[row[name] for name in names] for row in read(tmp_path / "new.csv")] == [
        [row[name] for name in names] for row in expected
    ]


def test_a_consensus_of_some_heads(run_path: Path, sources: Path, tmp_path: Path) -> None:
    ensemble(run_path, settings={"ensemble.heads": "1,3,4", "ensemble.weights": "loss"})
    self_train(run_path)
    predict(run_path, str(sources / "blobs.npz"), out=tmp_path / "new.csv")
    found = [row["confidence"] for row in read(tmp_path / "new.csv")]
    expected = [row["confidence"] for row in read(run_path / "labels.csv")]
    assert found == expected[:120]
    assert {"0.3333", "0.6667"}.isdisjoint(found)


@pytest.mark.slow
@pytest.mark.parametrize("inputs", ["heads", "tokens"])
@pytest.mark.parametrize("objective", ["ucls", "self-classifier"])
def test_a_consensus_of_heads_of_several_sizes(
    run_path: Path, sources: Path, tmp_path: Path, inputs: str, objective: str
) -> None:
    settings = {"train.objective": objective, "train.scales": [1, 2.5, 4], "train.n_heads": 2}
    train(run_path, settings=settings)
    merge(run_path)
    ensemble(run_path, settings={"ensemble.heads": "1-2,4-5"})
    self_train(run_path, settings={"self_train.inputs": inputs})
    labels = read(run_path / "labels.csv")
    for split, source in (("train", "blobs.npz"), ("val", "blobs-val.npz")):
        predict(run_path, str(sources / source), out=tmp_path / "new.csv")
        rows = [list(row.values())[1:] for row in read(tmp_path / "new.csv")]
        told = zip(*map(np.ndarray.tolist, classified(run_path, split)), strict=True)
        assert rows == [[str(cluster), f"{sure:.4f}", f"{p:.4f}"] for cluster, sure, p in told]
        if (inputs, split) != ("heads", "train"):
            own = [list(row.values())[2:] for row in labels if row["split"] == split]
            assert rows == own
    assert {row["confidence"] for row in labels} - {"1.0000"}


NUMBER_TO_CUT_AT = 5


ONE_SIZE = {"train.objective": "uic", "train.scales": [3], "train.epochs": 20}
SEVERAL_SIZES = {
    "train.objective": "self-classifier",
    "train.scales": [3, 4],
    "ensemble.heads": "1,3-8",
    "ensemble.weights": "loss",
}


@pytest.mark.parametrize("settings", [ONE_SIZE, SEVERAL_SIZES])
def test_a_cut_labels_features_as_it_labels_val(
    run_path: Path, sources: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    train(run_path, settings=settings)
    merge(run_path)
    ensemble(run_path)
    expected = cut(run_path, NUMBER_TO_CUT_AT).splits["val"]
    result = predict(
        run_path,
        str(sources / "blobs-val.npz"),
        out=tmp_path / "new.csv",
        n_clusters=NUMBER_TO_CUT_AT,
    )
    rows = read(tmp_path / "new.csv")
    assert list(rows[0]) == ["path", "cluster", "confidence"]
    assert [int(row["cluster"]) for row in rows] == expected.labels.tolist()
    assert [row["confidence"] for row in rows] == [f"{p:.4f}" for p in expected.confidence]
    sizes = np.bincount(expected.labels, minlength=NUMBER_TO_CUT_AT)
    assert list(result.cluster_sizes.values()) == sizes.tolist()
    assert result.n_images == len(rows)


def test_a_cut_labels_images_as_it_labels_val(
    photos: Path, tmp_path: Path, tiny_config: "Config"
) -> None:
    """The same images are both splits, so that ``val`` has what the votes say of ``train``."""
    settings = {
        "extract.backbone": "pixels",
        "extract.image_size": 4,
        "extract.workers": 0,
        "merge.linkage": "average",
    }
    run_path = pipeline.run(
        load_source(str(photos), val=shutil.copytree(photos, tmp_path / "val")),
        out=tmp_path / "run",
        config=tiny_config.with_values({"n_clusters": 3, **settings, **ONE_SIZE}),
    ).path
    expected = [r for r in read(cut(run_path, NUMBER_TO_CUT_AT).path) if r["split"] == "val"]
    (run_path / "classifier.safetensors").unlink()
    predict(run_path, str(photos), out=tmp_path / "new.csv", n_clusters=NUMBER_TO_CUT_AT)
    names = ("path", "cluster", "confidence")
    assert read(tmp_path / "new.csv") == [{n: row[n] for n in names} for row in expected]


def test_images_of_any_size_and_mode(shared_photo_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    Image.new("L", (1, 1), 200).save(folder / "a.png")
    Image.new("RGBA", (300, 7), (255, 0, 0, 30)).save(folder / "b.png")
    Image.new("CMYK", (40, 40)).save(folder / "c.jpg")
    assert predict(shared_photo_run, str(folder), out=tmp_path / "new.csv").n_images == 3
    assert [row["path"] for row in read(tmp_path / "new.csv")] == ["a.png", "b.png", "c.jpg"]


def test_digits_images_for_a_run_of_photos(shared_photo_run: Path, tmp_path: Path) -> None:
    result = predict(shared_photo_run, "digits", split="val", out=tmp_path / "new.csv")
    assert result.n_images == 360
    assert read(tmp_path / "new.csv")[0]["path"] == "digits/0000"


def test_unreadable_images_are_skipped(
    shared_photo_run: Path, photos: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "new"))
    (folder / "empty.png").touch()
    whole = (folder / "plain" / "02.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    result = predict(shared_photo_run, str(folder), out=tmp_path / "new.csv")
    assert result.skipped == [("cut.png", "truncated file"), ("empty.png", "empty file")]
    assert result.n_images == len(read(tmp_path / "new.csv")) == 60


def test_a_batch_without_any_readable_image(shared_photo_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    for i in range(64):  # the run's batch size
        (folder / f"{i:02d}.png").touch()
    with pytest.raises(UsageError, match=r"none of the images of .* the first because: empty"):
        predict(shared_photo_run, str(folder), out=tmp_path / "new.csv")
    assert not (tmp_path / "new.csv").exists()
    Image.new("RGB", (5, 5)).save(folder / "99.png")
    assert predict(shared_photo_run, str(folder), out=tmp_path / "new.csv").n_images == 1


def test_standard_output_stays_empty_where_no_image_can_be_read(
    shared_photo_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.jpg").write_text("no image")
    for as_json_lines in (False, True):
        with pytest.raises(UsageError, match="the first because: not an image, but a text file"):
            predict(
                shared_photo_run,
                str(tmp_path / "text.jpg"),
                out=STDOUT,
                as_json_lines=as_json_lines,
            )
    assert capsys.readouterr().out == ""


def test_features_for_a_run_of_images_and_the_other_way_round(
    shared_run: Path, shared_photo_run: Path, sources: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new.csv"
    with pytest.raises(UsageError, match=r"was made of images; expected images too, got .*plain"):
        predict(shared_photo_run, str(sources / "plain.npy"), out=out)
    with pytest.raises(UsageError, match="was made of a feature file; expected a feature file"):
        predict(shared_run, str(photos), out=out)
    assert not out.exists()


def test_features_of_another_width(shared_run: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "wide.npy", np.eye(9))
    with pytest.raises(UsageError, match=r"features have 8 columns, those of wide 9"):
        predict(shared_run, str(tmp_path / "wide.npy"), out=tmp_path / "new.csv")


def test_a_split_that_is_not_there(shared_photo_run: Path, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no split 'val'; choose train"):
        predict(shared_photo_run, str(photos), split="val", out=tmp_path / "new.csv")


def test_an_unfinished_run_names_the_command(run_path: Path, sources: Path, tmp_path: Path) -> None:
    (run_path / "classifier.safetensors").unlink()
    with pytest.raises(UclsError, match=f"run first: ucls self-train {run_path}"):
        predict(run_path, str(sources / "plain.npy"), out=tmp_path / "new.csv")


def test_it_works_without_the_feature_cache(
    photo_run_path: Path, photos: Path, tmp_path: Path
) -> None:
    """Such as on another machine."""
    folder = Run(photo_run_path).folder
    data = {**folder.record["data"], "caches": {"train": {"features": str(tmp_path / "gone.h5")}}}
    folder.update(data=data)
    assert predict(photo_run_path, str(photos), out=tmp_path / "new.csv").n_images == 60
