import sys

import numpy as np

from benchmarks import extraction
from benchmarks.speed.extraction import extraction_ratios

BACKBONE = "timm/test_vit"


def test_an_extraction_is_put_beside_the_bare_model():
    (found,) = extraction_ratios(n_images=4, backbone=BACKBONE, batch_size=2, workers=0, repeats=2)
    assert found.name == f"extraction of 4 JPEGs, {BACKBONE}, float32, batch 2"
    assert found.against == "bare forward pass"
    assert len(found.seconds) == len(found.reference_seconds) == 2
    assert min(found.seconds + found.reference_seconds) > 0
    assert found.facts["images_per_s"] == 4 / np.median(found.seconds)


def test_the_command_prints_a_line_for_each_turn_and_the_median(monkeypatch, capsys):
    options = ["--images", "4", "--batch-size", "2", "--workers", "0", "--repeats", "2"]
    monkeypatch.setattr(sys, "argv", ["extraction", "--backbone", BACKBONE, *options])
    extraction.main()
    _machine, size, *turns, median = capsys.readouterr().out.splitlines()
    assert size.startswith(f"{BACKBONE}, 4 JPEGs, batch 2, float")
    assert len(turns) == 2
    assert all(turn.startswith("bare model") and "bottleneck" in turn for turn in turns)
    assert median.startswith("median ratio ")
