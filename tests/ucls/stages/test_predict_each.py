import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Lines
from ucls.runs.predictor import Predictor
from ucls.stages.predict import predict
from ucls.stages.predict_each import predict_each


@pytest.fixture(scope="module")
def predictor(shared_photo_run: Path) -> Predictor:
    return Predictor(shared_photo_run)


def test_the_rows_are_those_of_predict(
    predictor: Predictor, shared_photo_run: Path, photos: Path, tmp_path: Path
) -> None:
    predict(shared_photo_run, str(photos), out=tmp_path / "all.csv")
    with (tmp_path / "all.csv").open(newline="") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    result = predict_each(predictor, paths, folder=photos, out=tmp_path / "each.csv")
    assert result == (60, 0)
    assert (tmp_path / "each.csv").read_text() == (tmp_path / "all.csv").read_text()


def test_each_row_is_there_before_the_next_path_is_asked_for(
    predictor: Predictor, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = []

    def paths() -> Iterator[str]:
        for name in ("left/01.png", "high/00.png"):
            yield name
            shown.append(capsys.readouterr().out)

    predict_each(predictor, paths(), folder=photos, as_json_lines=True)
    assert [json.loads(text)["path"] for text in shown] == ["left/01.png", "high/00.png"]
    assert list(json.loads(shown[0])) == ["path", "cluster", "confidence", "probability"]


def test_what_cannot_be_read_is_told_and_left_out(
    predictor: Predictor, photos: Path, tmp_path: Path, lines: Lines
) -> None:
    shutil.copy(photos / "left" / "01.png", tmp_path / "a.png")
    (tmp_path / "b.png").touch()
    paths = ["gone.png", "a.png", "b.png"]
    out = tmp_path / "x.jsonl"
    result = predict_each(
        predictor, paths, folder=tmp_path, out=out, as_json_lines=True, reporter=lines
    )
    assert result == (1, 2)
    assert [json.loads(line)["path"] for line in out.read_text().splitlines()] == ["a.png"]
    assert lines.said == [
        "skipped gone.png: No such file or directory",
        "skipped b.png: empty file",
    ]
