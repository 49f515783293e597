import csv
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
import timm
from numpy.typing import NDArray
from safetensors.torch import save_file

from tests.conftest import Lines, classified
from ucls import pipeline
from ucls.backbones.pixels import PixelsPreprocess
from ucls.corrections.edits import Corrections, Merge, Move, Rename
from ucls.errors import UclsError, UsageError
from ucls.runs.backbone import backbone_of
from ucls.runs.classifier import Classifier, load_classifier
from ucls.runs.pictures import Pictures
from ucls.runs.run import Run
from ucls.stages import export_onnx as stage
from ucls.stages.ensemble import ensemble
from ucls.stages.export_onnx import export_onnx
from ucls.stages.merge import merge
from ucls.stages.predict import predict
from ucls.stages.relabel import relabel
from ucls.stages.self_train import self_train
from ucls.stages.train import train

if TYPE_CHECKING:
    from ucls.settings.config import Config

VIT = {
    "n_clusters": 3,
    "extract.backbone": "test_vit",
    "extract.weights": "random",
    "extract.image_size": 32,
    "extract.workers": 0,
}


@pytest.fixture(scope="module")
def vit_run(tmp_path_factory: pytest.TempPathFactory, photos: Path, tiny_config: "Config") -> Path:
    folder = tmp_path_factory.mktemp("vit")
    config = tiny_config.with_values(VIT)
    return pipeline.run(
        str(photos), out=folder / "run", cache_dir=folder / "cache", config=config
    ).path


def answers(path: Path, inputs: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    probabilities, labels = session.run(None, {session.get_inputs()[0].name: inputs})
    return probabilities, labels


def told(path: Path) -> dict[str, str]:
    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


def assert_labels_are_those_of_the_classifier(
    run_path: Path, path: Path, inputs: NDArray[Any]
) -> None:
    labels = classified(run_path)
    probabilities, found = answers(path, inputs)
    np.testing.assert_array_equal(found, labels.clusters[: len(found)])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(
        probabilities.max(axis=1), labels.probability[: len(found)], atol=2e-3
    )


@pytest.mark.slow
@pytest.mark.parametrize("inputs", ["heads", "tokens"])
def test_a_vit_labels_images_as_the_run_does(inputs: str, vit_run: Path, tmp_path: Path) -> None:
    self_train(vit_run, settings={"self_train.inputs": inputs})
    out = tmp_path / "new" / "model.onnx"
    result = export_onnx(vit_run, out=out)
    assert result.difference < 1e-3
    assert (result.n_clusters, result.n_checked, result.checked_on) == (3, 8, "images")
    assert (result.weights_file, result.is_untrained) == (None, True)
    assert [path.name for path in out.parent.iterdir()] == ["model.onnx"]
    run = Run(vit_run)
    backbone = backbone_of(run.data.extractions["test_vit"], "cpu")
    pictures = Pictures.of(run, "train")
    images = [backbone.preprocess(pictures.read(row)).numpy() for row in range(60)]
    assert_labels_are_those_of_the_classifier(vit_run, out, np.stack(images))
    facts = told(out)
    assert json.loads(facts["ucls.image_size"]) == [32, 32]
    assert json.loads(facts["ucls.mean"]) == [0.5, 0.5, 0.5]
    assert facts["ucls.crop"] == "center 0.95"
    assert facts["ucls.transform"].startswith("Compose( Resize(size=33, interpolation=bicubic")


@pytest.mark.slow
def test_pixels(shared_photo_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.onnx"
    assert export_onnx(shared_photo_run, out=out).difference < 1e-3
    pictures = Pictures.of(Run(shared_photo_run), "train")
    preprocess = PixelsPreprocess((4, 4), 3)
    images = np.stack([preprocess(pictures.read(row)).numpy() for row in range(60)])
    assert_labels_are_those_of_the_classifier(shared_photo_run, out, images)
    grey = np.full_like(images[:1], 7)  # of one colour, with no deviation to divide by
    assert np.isfinite(answers(out, grey)[0]).all()
    assert told(out)["ucls.transform"] == "Resize(size=(4, 4), interpolation=bicubic), by Pillow"


@pytest.mark.slow
@pytest.mark.parametrize(
    "objective",
    [
        "ucls",
        pytest.param("self-classifier", marks=pytest.mark.slow),
        pytest.param("turtle", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("inputs", ["heads", "tokens"])
def test_features_and_every_kind_of_head(
    objective: str, inputs: str, run_path: Path, sources: Path, tmp_path: Path
) -> None:
    if objective != "ucls":
        train(run_path, settings={"train.objective": objective, "train.epochs": 3})
        merge(run_path)
        ensemble(run_path)
    self_train(run_path, settings={"self_train.inputs": inputs})
    assert (load_classifier(Run(run_path).folder).heads is not None) == (inputs == "heads")
    out = tmp_path / "model.onnx"
    result = export_onnx(run_path, out=out)
    assert (result.checked_on, result.n_checked, result.is_untrained) == ("features", 8, False)
    features = np.load(sources / "blobs.npz")["features"]
    assert_labels_are_those_of_the_classifier(run_path, out, features)
    assert "float32 [batch, 8]" in told(out)["ucls.input"]


@pytest.mark.slow
def test_names_that_were_given(run_path: Path, tmp_path: Path) -> None:
    edits = (Rename(cluster=0, name="é\n\u202e"), Rename(cluster=2, name="cats"))
    relabel(run_path, Corrections(edits=edits))
    export_onnx(run_path, out=tmp_path / "model.onnx")
    facts = told(tmp_path / "model.onnx")
    assert json.loads(facts["ucls.clusters"]) == ["é\n\u202e", "1", "cats", "3"]
    assert json.loads(facts["ucls.numbers"]) == [0, 1, 2, 3]


@pytest.mark.slow
@pytest.mark.parametrize("retrain", [False, True])
def test_corrected_clusters_are_those_of_predict(
    run_path: Path, sources: Path, tmp_path: Path, retrain: bool
) -> None:
    edits = (Merge(clusters=(1,), into=3), Move(images=tuple(range(0, 120, 5)), into=9))
    relabel(run_path, Corrections(edits=edits), retrain=retrain)
    export_onnx(run_path, out=tmp_path / "model.onnx")
    predict(run_path, str(sources / "plain.npy"), out=tmp_path / "labels.csv")
    with (tmp_path / "labels.csv").open(encoding="utf-8") as file:
        expected = [int(row["cluster"]) for row in csv.DictReader(file)]
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    _, labels = session.run(None, {"features": np.load(sources / "plain.npy")})
    assert labels.tolist() == expected
    assert 1 not in labels


@pytest.mark.slow
def test_large_weights_lie_beside_it(
    shared_run: Path, sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "model.onnx"
    with monkeypatch.context() as patch:
        patch.setattr(stage, "LARGE", 0)
        assert export_onnx(shared_run, out=out).weights_file == tmp_path / "model.onnx.data"
    assert sorted(p.name for p in tmp_path.iterdir() if "model" in p.name) == [
        "model.onnx", "model.onnx.data",
    ]  # fmt: skip
    features = np.load(sources / "blobs.npz")["features"]
    assert_labels_are_those_of_the_classifier(shared_run, out, features)
    assert export_onnx(shared_run, out=out).weights_file is None
    assert [p.name for p in tmp_path.iterdir() if "model" in p.name] == ["model.onnx"]


@pytest.mark.slow
def test_results_that_differ_are_not_written(
    shared_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_torch = stage._by_torch
    monkeypatch.setattr(stage, "_by_torch", lambda *given: by_torch(*given)[:, ::-1])
    with pytest.raises(UclsError, match="onnxruntime gives other results than torch"):
        export_onnx(shared_run, out=tmp_path / "new" / "model.onnx")
    assert not (tmp_path / "new").exists()


def test_an_exporter_that_gives_up_is_told_in_one_line(
    shared_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no such operator\nand much more")

    monkeypatch.setattr(stage, "_write", fail)
    with pytest.raises(UclsError, match=r"cannot be had as ONNX \(no such operator\); nothing"):
        export_onnx(shared_run, out=tmp_path / "new" / "model.onnx")
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_without_its_images_it_is_compared_on_noise(
    vit_run: Path, tmp_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ucls.runs.pictures._reopened", lambda _: (None, "they are gone"))
    result = export_onnx(vit_run, out=tmp_path / "model.onnx", reporter=lines)
    assert (result.checked_on, result.n_checked) == ("noise", 8)
    assert lines.said == ["WARNING: export: the model is compared on noise, since they are gone"]


@pytest.mark.slow
def test_files_of_the_users_are_left_alone(shared_run: Path, tmp_path: Path) -> None:
    for name in ("model.onnx", "model.onnx.data"):
        (tmp_path / name).write_bytes(b"mine")
        with pytest.raises(UsageError, match=f"{name} exists and was not written by this"):
            export_onnx(shared_run, out=tmp_path / "model.onnx")
        assert (tmp_path / name).read_bytes() == b"mine"
        (tmp_path / name).unlink()
    out = tmp_path / "model.onnx"
    out.write_bytes(b"mine")
    export_onnx(shared_run, out=out, overwrite=True)
    export_onnx(shared_run, out=out)


def test_several_backbones_are_refused(
    shared_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = replace(load_classifier(Run(shared_run).folder), feature_set="cls@a,cls@b")
    monkeypatch.setattr(stage, "load_classifier", lambda _, **options: both)
    with pytest.raises(UsageError, match=r"features of 2 backbones side by side.*`ucls predict`"):
        export_onnx(shared_run, out=tmp_path / "model.onnx")


def test_heads_that_have_all_collapsed_are_refused(
    shared_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Classifier, "knows_anything", False)
    with pytest.raises(UsageError, match="have collapsed"):
        export_onnx(shared_run, out=tmp_path / "model.onnx")


def test_other_weights_are_refused(vit_run: Path, tmp_path: Path) -> None:
    model = timm.create_model("test_vit", pretrained=False, num_classes=0)
    save_file(model.state_dict(), tmp_path / "other.safetensors")
    with pytest.raises(UsageError, match="the run was made with weights"):
        export_onnx(vit_run, out=tmp_path / "x.onnx", weights=[str(tmp_path / "other.safetensors")])


@pytest.mark.parametrize("name", ["onnx", "onnxruntime", "onnxscript"])
def test_without_the_extra_it_names_the_command(
    name: str, shared_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=rf"needs the package {name}: pip install 'ucls\[export\]"):
        export_onnx(shared_run, out=tmp_path / "model.onnx")
