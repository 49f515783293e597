from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.quality.record import QualityRecord
from benchmarks.records import read_record
from benchmarks.sets import blobs


def test_the_command_leaves_a_record_and_a_page_and_continues_them(tmp_path: Path) -> None:
    np.savez(tmp_path / "small.npz", **blobs(100, noise=0.1))
    out = tmp_path / "quality.json"
    arguments = [
        "quality", "--source", f"small={tmp_path / 'small.npz'}", "--set", "small", "--seeds", "2",
        "--row", "k-means", "--row", "PCA + Leiden", "--json", str(out),
    ]  # fmt: skip
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "small, PCA + Leiden, seed 1: ACC 1.000" in done.output
    record = read_record(out, QualityRecord)
    assert list(record.results) == ["small"]
    assert list(record.results["small"]["k-means"]) == [0, 1]
    page = out.with_suffix(".md").read_text(encoding="utf-8")
    assert "small: 100 images, 32 features, 5 classes of 20 to 20." in page
    again = CliRunner().invoke(app, arguments)
    assert "seed 0" not in again.output
    assert read_record(out, QualityRecord) == record
