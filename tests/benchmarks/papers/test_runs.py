"""Our networks beside the papers' rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.papers.runs import Run, read_run
from benchmarks.papers.tables import Row
from ucls.cache import write_json
from ucls.errors import UsageError
from ucls.pretraining.record import RECORD

SETTINGS = {
    "method": "c2bin", "arch": "resnet18", "epochs": 5, "batch_size": 256, "seed": 3,
    "options": {"scales": [1.0, 2.0]},
}  # fmt: skip


def write_run(folder: Path, figures: Mapping[str, float] | None) -> Path:
    """What a run leaves, as far as it is read."""
    folder.mkdir()
    record = {"source": {"source": "cifar10"}, "settings": SETTINGS, "figures": figures}
    write_json(folder / RECORD, record)
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Run:
    figures = {"loss": 1.5, "acc": 0.25, "nmi": 0.5, "knn": 0.75}
    return read_run(write_run(tmp_path / "run", figures))


def row(**fields: Any) -> Row:
    like = {"method": "c2bin", "dataset": "cifar10", "arch": "resnet18", "figures": {"acc": 1}}
    return Row.model_validate(like | fields)


def test_figures_are_percents_by_the_names_of_the_papers(run: Run) -> None:
    assert run.figures == {"acc": 25, "nmi": 50, "knn20": 75}
    assert (run.dataset, run.epochs, run.settings["scales"]) == ("cifar10", 5, [1, 2])


def test_what_was_probed_counts_and_says_where(run: Run) -> None:
    knn = [{"k": 5, "weighted": 0.5, "majority": 0.25}, {"k": 20, "weighted": 0.625}]
    probed = {"source": "cifar10", "knn": knn, "linear_probe": {"acc": 0.875}}
    write_json(run.folder / "probe.json", probed)
    masked = {"source": "voc2012", "segmentation": {"mean_iou": 0.125}}
    write_json(run.folder / "probe-masks.json", masked)
    assert read_run(run.folder).figures == {
        "acc": 25, "nmi": 50, "knn5": 50, "knn20": 62.5, "linear": 87.5, "voc2012 miou": 12.5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "is_like"),
    [
        ({}, True),
        ({"settings": {"scales": (1, 2), "batch_size": 256}}, True),
        ({"settings": {"scales": (1, 2, 4)}}, False),
        ({"settings": {"queue": 8}}, False),
        ({"method": "moco"}, False),
        ({"dataset": "cifar100"}, False),
        ({"arch": "resnet50"}, False),
        ({"beyond": "two hidden layers"}, False),
    ],
)
def test_a_row_is_like_a_run(run: Run, fields: dict[str, Any], *, is_like: bool) -> None:
    assert run.is_like(row(**fields)) == is_like


def test_of_rows_that_differ_in_epochs_the_nearest_counts(run: Run) -> None:
    rows = [row(epochs=100), row(epochs=800), row(epochs=2, method="moco")]
    assert run.rows_of(rows) == rows[:1]
    assert run.rows_of(rows[2:]) == []
    both = [row(epochs=100, remark="mean"), row(epochs=100, remark="best")]
    assert run.rows_of(both) == both


def test_what_is_no_finished_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no folder of `ucls pretrain`: it has no pretrain.json"):
        read_run(tmp_path)
    with pytest.raises(UsageError, match="is not finished: give the same"):
        read_run(write_run(tmp_path / "stopped", None))
