import shutil
from pathlib import Path

import numpy as np
import pytest

from ucls import pipeline
from ucls.config import Config
from ucls.neighbors import build_neighbors
from ucls.neighbors.duplicates import duplicate_threshold
from ucls.report.cleaning import cleaning_list, find_duplicates, find_misfits
from ucls.report.state import RunState
from ucls.runs.run import Run
from ucls.types import NeighborGraph


def graph_of(features: np.ndarray) -> NeighborGraph:
    return build_neighbors(features.astype(np.float32), k=min(10, len(features) - 1), threshold=1.0)


@pytest.mark.parametrize("seed", range(3))
def test_planted_misfits_and_duplicates_are_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = np.repeat(np.eye(4, 64), 50, axis=0) + 0.05 * rng.normal(size=(200, 64))
    features[17] = -np.eye(64)[40]
    features[60] = features[75] + 1e-4 * rng.normal(size=64)
    graph = graph_of(features)
    assert find_misfits(graph).tolist() == [17]
    features = features.astype(np.float32)
    threshold = duplicate_threshold(features, graph)
    first, second, cosine = find_duplicates(features, graph, threshold)
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == [(60, 75)]
    assert cosine[0] > 0.99


def test_equal_images_are_pairs_once_each() -> None:
    features = np.eye(6, 8, dtype=np.float32)[[0, 0, 0, 1, 2, 3, 4, 5]]
    first, second, _ = find_duplicates(features, graph_of(features), 0.98)
    assert sorted(zip(first.tolist(), second.tolist(), strict=True)) == [(0, 1), (0, 2), (1, 2)]


def test_unreadable_files_are_listed(photos: Path, tmp_path: Path, tiny_config: Config) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    (folder / "high" / "00.png").write_bytes(b"no picture")
    pixels = {"extract.backbone": "pixels", "extract.image_size": 4, "extract.workers": 0}
    config = tiny_config.with_values({"n_clusters": 3, **pixels})
    path = pipeline.run(str(folder), out=tmp_path / "run", config=config).path
    found = cleaning_list(RunState.of(Run(path)))
    assert found.n_unreadable == 1
    assert found.unreadable[0][0] == "high/00.png"
