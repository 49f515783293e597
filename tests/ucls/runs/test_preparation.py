from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Lines
from ucls.cache import read_assignments, read_graph
from ucls.config import Config
from ucls.errors import UsageError
from ucls.neighbors import build_neighbors
from ucls.pipeline import run
from ucls.runs.classifier import load_heads
from ucls.runs.preparation import in_words, read_preparation
from ucls.runs.run import Run
from ucls.sources import load_source
from ucls.stages.neighbors import neighbors
from ucls.stages.predict import predict
from ucls.stages.train import train


@pytest.fixture
def features(tmp_path: Path) -> Path:
    """Six classes far from the origin, with two columns that outshout the others."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(6, 24))[np.arange(240) % 6] + 0.3 * rng.normal(size=(240, 24)) + 20
    rows[:, :2] = 300 * rng.normal(size=(240, 2))
    np.savez(tmp_path / "made.npz", features=rows.astype("f4"), labels=np.arange(240) % 6)
    return tmp_path / "made.npz"


@pytest.mark.slow
def test_the_choice_is_told_and_reaches_neighbours_heads_k_means_and_predict(
    features: Path, tiny_config: Config, lines: Lines, tmp_path: Path
) -> None:
    config = tiny_config.with_values({"n_clusters": 6, "train.epochs": 20})
    result = run(load_source(str(features)), out=tmp_path / "run", config=config, reporter=lines)
    (told,) = (line for line in lines.said if line.startswith("neighbors: features"))
    assert told == (
        "neighbors: features centred, each column scaled alike (the columns vary as if 2 of 24 "
        "counted; hubness 0.6)"
    )
    opened = Run(result.path)
    preparation = read_preparation(opened)
    with opened.features("train") as cache:
        prepared = preparation.of_array(cache.read("cls"))
    np.testing.assert_allclose(prepared.std(axis=0), 1.0, rtol=1e-3)
    graph = read_graph(result.path / "neighbors.h5")
    expected = build_neighbors(prepared, k=graph.k, threshold="typical", cap=graph.cap)
    assert np.array_equal(graph.indices, expected.indices)
    assert result.figures["train"]["kmeans"]["acc"] == 1.0
    predict(result.path, load_source(str(features)), out=tmp_path / "new.csv")
    rows = (tmp_path / "new.csv").read_text().splitlines()[1:]
    found = [row.split(",")[1:3] for row in rows]
    own = [row.split(",")[2:4] for row in (result.path / "labels.csv").read_text().splitlines()[1:]]
    assert found == own


def test_pixels_stay_as_they_are_unless_asked(photo_run_path: Path, lines: Lines) -> None:
    assert read_preparation(Run(photo_run_path)).is_none
    neighbors(photo_run_path, settings={"neighbors.prepare": "center"}, reporter=lines)
    assert "neighbors: features scaled to length 1 and centred" in lines.said
    assert read_preparation(Run(photo_run_path)).kinds == ("center",)


def test_a_run_of_an_older_version_takes_features_as_they_are(photo_run_path: Path) -> None:
    (photo_run_path / "preparation.safetensors").unlink()
    opened = Run(photo_run_path)
    assert opened.freshness.is_done("neighbors")
    assert read_preparation(opened).is_none


def test_an_unknown_kind_is_refused(run_path: Path) -> None:
    with pytest.raises(UsageError, match=r"neighbors\.prepare"):
        neighbors(run_path, settings={"neighbors.prepare": "zca"})


@pytest.mark.slow
def test_a_space_that_has_nothing_to_do_with_the_others_is_left_out(
    two_space_run_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "ucls.runs.unrelated_spaces.shares_held",
        lambda *_, **__: np.array([[0.9, 0.0], [-0.01, 0.3]]),
    )
    neighbors(two_space_run_path, settings={"neighbors.prepare": "auto"}, reporter=lines)
    told = "features of pixels left out (beyond chance its clusters hold 30% of its own neighbours"
    assert any(f"{told} and 0% of the others')" in line for line in lines.said)
    opened = Run(two_space_run_path)
    preparation = read_preparation(opened)
    assert preparation.kinds[1] == "omit"
    assert preparation.widths == [64]
    train(two_space_run_path)
    heads = load_heads(opened.folder, range(6))
    with opened.features("train") as cache:
        found = heads.labels(heads.logits(cache.read(opened.feature_set)))
    expected = read_assignments(two_space_run_path / "assignments.h5").labels["train"]
    np.testing.assert_array_equal(found, expected)


def test_kinds_in_words() -> None:
    assert in_words("whiten") == "in few principal components, scaled alike"
    assert in_words("center-2") == "scaled to length 1 and centred, without the first 2 directions"
