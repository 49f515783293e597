from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.known import Accuracy, draw, known_table, spread
from benchmarks.sets import blobs


def test_labels_and_pairs_are_drawn_anew_for_each_seed() -> None:
    labels = np.arange(500, dtype=np.int32) % 5
    paths = [f"image {row}" for row in range(500)]
    drawn = dict(draw(labels, paths, 0))
    assert list(drawn) == ["labels of 1%", "labels of 5%", "labels of 10%", "50 pairs", "200 pairs"]
    few = drawn["labels of 1%"]
    assert few.text.splitlines() == [
        "path,label",
        *(f"image {row},class {row % 5}" for row in few.rows.tolist()),
    ]
    header, *lines = drawn["50 pairs"].text.splitlines()
    assert header == "path_a,path_b,link"
    for line, (one, two) in zip(lines, drawn["50 pairs"].rows.reshape(-1, 2).tolist(), strict=True):
        assert line == f"image {one},image {two},{'must' if one % 5 == two % 5 else 'cannot'}"
    assert [one.text for _, one in draw(labels, paths, 0)] == [one.text for one in drawn.values()]
    assert few.text != dict(draw(labels, paths, 1))["labels of 1%"].text


def test_the_peer_finds_separate_blobs() -> None:
    made = blobs(200, noise=0.05)
    rows = np.concatenate([np.flatnonzero(made["labels"] == kind)[:2] for kind in range(5)])
    assert (spread(made["features"], made["labels"], rows) == made["labels"]).mean() > 0.95


def test_the_table_shows_means_and_the_least_gain() -> None:
    runs = [Accuracy(0.8, 0.9, 0.7), Accuracy(0.9, 0.88, 0.8)]
    table = known_table({"labels of 1%": runs, "50 pairs": [Accuracy(0.5, 0.75, None)]})
    assert list(map(list, table.rows)) == [
        ["labels of 1%", "0.850", "0.890", "-0.020", "0.750"],
        ["50 pairs", "0.500", "0.750", "+0.250", ""],
    ]


@pytest.mark.slow
def test_every_row_is_measured_of_a_source(tmp_path: Path) -> None:
    path = tmp_path / "blobs.npz"
    np.savez(path, **blobs(450, noise=0.1))
    arguments = ["known", "--seeds", "1", "--source", f"blobs={path}"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "blobs, quick" in result.output
    assert result.output.count("pairs") == 2
