from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

from tests.conftest import Lines
from ucls.errors import MismatchError, UclsError, UsageError
from ucls.peers.algorithms import PEERS
from ucls.peers.methods import METHODS
from ucls.settings.config import Config
from ucls.stages import bench as stage
from ucls.stages.bench import bench

SOME = ["k-means", "PCA + Ward", "ucls, quick"]


@pytest.fixture
def made(sources: Path, tmp_path: Path, tiny_config: Config) -> dict[str, object]:
    return {"out": tmp_path / "bench", "config": tiny_config}


@pytest.mark.slow
def test_every_method_has_its_figures(sources: Path, made: dict[str, object]) -> None:
    done = bench(str(sources / "blobs.npz"), **made)
    assert list(done.figures) == list(METHODS)
    assert done.left_out == {}
    assert done.n_clusters == 4
    for figures in done.figures.values():
        assert {"ACC", "class ACC", "NMI", "NMI to ucls", "clusters", "links cut", "s"} <= {
            *figures
        }
    assert done.figures["k-means"]["ACC"] == 1.0
    assert done.figures["ucls"]["NMI to ucls"] == pytest.approx(1.0)


def test_without_labels_there_are_figures_too(sources: Path, made: dict[str, object]) -> None:
    done = bench(str(sources / "plain.npy"), methods=["k-means", "ucls"], **made)
    assert list(done.figures["k-means"]) == [
        "NMI to ucls", "clusters", "largest", "smallest", "links cut", "s"
    ]  # fmt: skip
    kept = stage.BenchRecord(stage.Run(done.path)).found
    expected = normalized_mutual_info_score(kept["ucls"].labels, kept["k-means"].labels)
    assert done.figures["k-means"]["NMI to ucls"] == pytest.approx(expected)
    assert done.figures["k-means"]["links cut"] < 0.05
    alone = bench(str(sources / "plain.npy"), methods=["k-means"], **made)
    assert "NMI to ucls" not in alone.figures["k-means"]


def test_stopped_it_continues(
    sources: Path, made: dict[str, object], lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> object:
        raise KeyboardInterrupt

    source = str(sources / "blobs.npz")
    with monkeypatch.context() as patch:
        patch.setitem(PEERS, "PCA + Ward", stop)
        with pytest.raises(KeyboardInterrupt):
            bench(source, methods=SOME, **made)
        patch.setitem(PEERS, "k-means", stop)
        patch.setitem(PEERS, "PCA + Ward", lambda features, *_: np.zeros(len(features), np.int32))
        done = bench(source, methods=SOME, reporter=lines, **made)
    assert list(done.figures) == SOME
    assert done.figures["k-means"]["ACC"] == 1.0
    assert "bench: 1 of 3 methods are done before" in lines.said
    assert "bench: PCA + Ward (1 of 2)" in lines.said
    anew = bench(source, methods=["PCA + Ward"], overwrite=True, **made)
    assert anew.figures["PCA + Ward"]["ACC"] == 1.0


def test_what_a_method_cannot_do_is_told_and_the_others_go_on(
    sources: Path, made: dict[str, object], lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> object:
        raise UclsError("it needs 9 GB")

    monkeypatch.setitem(PEERS, "PCA + Ward", refuse)
    source = str(sources / "blobs.npz")
    done = bench(source, methods=["k-means", "PCA + Ward"], reporter=lines, **made)
    assert list(done.figures) == ["k-means"]
    assert done.left_out == {"PCA + Ward": "it needs 9 GB"}
    assert "WARNING: bench: PCA + Ward is left out: it needs 9 GB" in lines.said
    with pytest.raises(UclsError, match="PCA \\+ Ward: it needs 9 GB"):
        bench(source, methods=["PCA + Ward"], **made)


def test_leiden_is_told_of_where_it_is_not_installed(
    sources: Path, made: dict[str, object], lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "HAS_LEIDEN", False)
    monkeypatch.setattr(stage, "choose", lambda names: ["k-means"])
    bench(str(sources / "blobs.npz"), reporter=lines, **made)
    told = [line for line in lines.said if "scikit-network" in line]
    assert told == ["bench: PCA + Leiden needs another package: pip install scikit-network"]


def test_wrong_use(sources: Path, made: dict[str, object], tiny_config: Config) -> None:
    source = str(sources / "blobs.npz")
    with pytest.raises(UsageError, match="there is no method 'kmeans'"):
        bench(source, methods=["kmeans"], **made)
    assert not Path(str(made["out"])).exists()
    bench(source, methods=["k-means"], **made)
    other = {**made, "config": tiny_config.with_values({"n_clusters": 3})}
    with pytest.raises(MismatchError, match="n_clusters is 4 there, 3 here"):
        bench(source, methods=["k-means"], **other)
