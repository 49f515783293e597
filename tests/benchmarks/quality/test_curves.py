from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.quality import curves
from benchmarks.quality.methods import OF_CURVES
from benchmarks.records import read_record
from benchmarks.sets import blobs
from tests.benchmarks.quality.samples import figures, quality_record


def test_there_is_a_line_for_every_method() -> None:
    assert len(curves.LINES) >= len(OF_CURVES)


def test_lines_go_through_the_means(tmp_path: Path, monkeypatch) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(curves, "write_figure", lambda figure, stem: drawn.append(figure))
    results = {
        "sphere, 1:1": {"k-means": {0: figures(0.8), 1: figures(0.9)}},
        "sphere, 10:1": {"k-means": {0: figures(0.5)}},
    }
    ratios = {"sphere, 1:1": 1, "sphere, 10:1": 10}
    base = {**vars(quality_record()), "results": results}
    record = curves.ImbalanceRecord(**base, curves={"sphere": ratios})
    curves.plot_curves(record, tmp_path / "plot")
    accuracy, _ = drawn[0].axes
    np.testing.assert_allclose(accuracy.lines[0].get_xydata(), [[1, 0.85], [10, 0.5]])
    assert accuracy.get_ylabel() == "ACC on sphere"


@pytest.mark.slow
def test_the_command_leaves_a_record_a_page_and_a_plot(tmp_path: Path) -> None:
    np.savez(tmp_path / "small.npz", **blobs(200, noise=0.1))
    out = tmp_path / "imbalance.json"
    arguments = [
        "imbalance", "--source", f"small={tmp_path / 'small.npz'}", "--set", "small",
        "--row", "k-means", "--seeds", "1", "--json", str(out),
    ]  # fmt: skip
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    record = read_record(out, curves.ImbalanceRecord)
    assert list(record.curves["small"].values()) == [1, 3, 10, 30, 100]
    assert [record.sets[name]["largest"] for name in record.curves["small"]] == [40] * 5
    assert [record.sets[name]["least"] for name in record.curves["small"]] == [40, 13, 4, 1, 1]
    assert "as classes grow unequal" in out.with_suffix(".md").read_text(encoding="utf-8")
    assert out.with_suffix(".svg").is_file()
    assert out.with_suffix(".png").is_file()
