from pathlib import Path

import ucls
from benchmarks.speed.estimate.cases import LARGE_CASES
from benchmarks.speed.estimate.extrapolation import Extrapolated
from benchmarks.speed.estimate.obstacles import obstacles
from benchmarks.speed.estimate.rows import TimeRow
from ucls.settings.config import EvaluateConfig, NeighborsConfig

DAY = 86_400.0
ROWS = [
    TimeRow("neighbors", Extrapolated(1.0, 1.0), 12 * DAY, 13 * DAY),
    TimeRow("train", Extrapolated(1.0, 1.0), DAY, 5 * DAY),
    TimeRow("evaluate", Extrapolated(76 * DAY, 1.0), None, None),
]
ROOT = Path(ucls.__file__).parents[1]


def test_each_obstacle_has_its_figure():
    text = "\n".join(obstacles(LARGE_CASES[0], ROWS))
    for figure in ("1e+16 pairs", "4.1e+19 operations", "12 days", "819 GB", "at least 11 of",
                   "5.0 days", "60 TB", "31 GB", "120 GB", "76 days"):  # fmt: skip
        assert figure in text


def test_nothing_is_said_to_be_missing_that_is_there():
    sources = [
        path.read_text(encoding="utf-8")
        for folder in ("ucls", "cli", "cache")
        for path in (ROOT / folder).rglob("*.py")
    ]
    assert not any("torch.distributed" in source for source in sources)
    assert set(NeighborsConfig.model_fields["backend"].annotation.__args__) == {
        "auto", "faiss", "torch",
    }  # fmt: skip
    assert set(EvaluateConfig.model_fields) == {"kmeans_restarts", "knn", "upper_bounds"}
