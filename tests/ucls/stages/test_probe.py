from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Lines
from ucls.cache import list_caches
from ucls.errors import MismatchError, UsageError
from ucls.settings.probe import PROTOCOLS, LarsProtocol
from ucls.sources import load_source
from ucls.stages.probe import is_cache, probe
from ucls.stages.start import start


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        PROTOCOLS, "c2bin", LarsProtocol((5.0, 20.0), 30, 32, weight_decay=0.0, falls=True)
    )


def test_a_run_learns_from_train_and_is_scored_on_val(run_path: Path, lines: Lines) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in run_path.iterdir()}
    figures = probe(run_path, protocol="c2bin", reporter=lines)
    assert (figures["n_train"], figures["n_val"], figures["held_out"]) == (120, 40, False)
    assert (figures["source"], figures["n_classes"], figures["seed"]) == ("blobs", 4, 0)
    assert figures["knn"][0]["majority"] == 1.0
    assert figures["linear_probe"]["acc"] == 1.0
    assert lines.said[0].startswith("probe: blobs, cls of features, ")
    assert lines.said[0].endswith("120 images to learn from, 40 to score (val)")
    assert "120 images to learn from, so that no more neighbours vote" in lines.said[1]
    assert {path.name: path.stat().st_mtime_ns for path in run_path.iterdir()} == before


def test_without_val_a_fifth_is_held_out(sources: Path, own_cache: Path, lines: Lines) -> None:
    source = load_source(str(sources / "blobs.npz"))
    figures = probe(source, protocol="c2bin", settings={"seed": 3}, reporter=lines)
    assert (figures["n_train"], figures["n_val"], figures["held_out"]) == (96, 24, True)
    assert any("24 to score (a held-out fifth, as there is no val)" in line for line in lines.said)
    assert figures["seed"] == 3


def test_a_run_its_source_and_its_caches_are_told_the_same(sources: Path, run_path: Path) -> None:
    source = load_source(str(sources / "blobs.npz"), val=str(sources / "blobs-val.npz"))
    of_source = probe(source, protocol="c2bin")
    assert probe(run_path, protocol="c2bin") == of_source
    names = {entry.spec.split: entry.path.name for entry in list_caches() if entry.spec}
    assert is_cache(names["train"])
    of_cache = probe(names["train"], val=names["val"], protocol="c2bin")
    assert of_cache["knn"] == of_source["knn"]
    assert of_cache["linear_probe"] == of_source["linear_probe"]
    assert probe(names["train"], protocol="c2bin")["held_out"]


def test_how_features_are_prepared_can_be_chosen(run_path: Path) -> None:
    told = {
        prepare: probe(run_path, protocol="c2bin", settings={"neighbors.prepare": prepare})[
            "features"
        ]
        for prepare in ("none", "standardize")
    }
    assert told["none"].endswith("as they are")
    assert told["standardize"].endswith("centred, each column scaled alike")


def test_a_run_whose_features_alone_are_there(sources: Path, tmp_path: Path) -> None:
    begun = start(str(sources / "blobs.npz"), out=tmp_path / "begun")
    assert probe(begun.folder.path, protocol="c2bin")["knn"][0]["majority"] == 1.0


def test_nothing_is_measured_without_labels(
    sources: Path, own_cache: Path, tmp_path: Path, photos: Path
) -> None:
    plain = load_source(str(sources / "plain.npy"))
    with pytest.raises(UsageError, match="plain has no labels"):
        probe(plain)
    assert not own_cache.exists()
    from ucls.config import Config

    begun = start(plain, out=tmp_path / "begun", config=Config(n_clusters=4))
    with pytest.raises(UsageError, match="begun knows no labels"):
        probe(begun.folder.path)
    with pytest.raises(UsageError, match=r"plain-train.*\.h5 holds no labels"):
        probe("plain-train")


def test_one_class_is_told(tmp_path: Path) -> None:
    features = np.random.default_rng(0).normal(size=(20, 4))
    np.savez(tmp_path / "one.npz", features=features, labels=np.zeros(20, int))
    with pytest.raises(UsageError, match="got 20 images of 1 class"):
        probe(load_source(str(tmp_path / "one.npz")))


def test_caches_of_other_models_are_not_compared(sources: Path, tmp_path: Path) -> None:
    narrow = np.load(sources / "blobs.npz")
    np.savez(tmp_path / "narrow.npz", features=narrow["features"][:, :4], labels=narrow["labels"])
    for path in (sources / "blobs.npz", tmp_path / "narrow.npz"):
        probe(load_source(str(path)), protocol="c2bin")
    with pytest.raises(MismatchError, match=r"another model .*none 4, not features none 8"):
        probe("blobs-train", val="narrow-train")


def test_what_a_run_or_a_cache_cannot_take_is_refused(run_path: Path) -> None:
    with pytest.raises(UsageError, match="has its own val"):
        probe(run_path, val="blobs-val")
    with pytest.raises(UsageError, match=r"extract\.backbone would change the features"):
        probe(run_path, settings={"extract.backbone": "pixels"})
    with pytest.raises(UsageError, match="no feature cache begins with 'missing'"):
        probe("missing")


def test_names_of_caches(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not is_cache("blobs-train")
    probe(load_source(str(sources / "blobs.npz")), protocol="c2bin")
    assert is_cache("blobs-train")
    assert is_cache(str(list_caches()[0].path))
    (tmp_path / "blobs-train").mkdir()
    assert not is_cache("blobs-train")
    assert not is_cache(str(sources / "blobs.npz"))
