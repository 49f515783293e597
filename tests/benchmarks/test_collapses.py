from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks import collapses
from benchmarks.__main__ import app
from benchmarks.collapses import first_images, outcomes
from ucls.masks.folder import read_masks
from ucls.settings.pretraining_methods import METHODS
from ucls.sources import load_source
from ucls.stages.pretrain import Pretrained


def test_every_method_is_tried_with_every_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def learned(source, *, out, settings):
        seen.append((settings["method"], settings["seed"], settings.get("masks")))
        return Pretrained(out, {"loss": 1.0})

    monkeypatch.setattr(collapses, "pretrain", learned)
    source = first_images(load_source("digits"), 30)
    found = list(outcomes(source, n_seeds=2, epochs=1, folder=tmp_path))
    assert [one[:2] for one in found] == [(name, seed) for name in METHODS for seed in range(2)]
    masks = dict.fromkeys(("segins-s", "segins-m"), tmp_path / "masks")
    assert seen == [(name, seed, masks.get(name)) for name in METHODS for seed in range(2)]
    images = source.splits["train"]
    assert len(images) == 30
    written = read_masks(tmp_path / "masks", images.paths, 8)
    expected = np.stack([np.asarray(images.read(row)) > 0 for row in range(30)])
    np.testing.assert_array_equal(written > 0, expected)


@pytest.mark.slow
def test_a_line_for_each_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collapses, "METHODS", {"simsiam": METHODS["simsiam"]})
    options = ["--source", "digits", "--images", "130", "--epochs", "1", "--seeds", "2"]
    result = CliRunner().invoke(app, ["pretraining", "--collapse", *options])
    assert result.exit_code == 0, result.output
    lines = [line.split(", ") for line in result.output.splitlines() if line[:3] == "sim"]
    assert [line[:2] for line in lines] == [["simsiam", "0"], ["simsiam", "1"]]
    assert all(0 <= float(line[3]) <= 1 for line in lines)
