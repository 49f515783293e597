import json
from pathlib import Path

import pytest

from tests.conftest import Cli


def test_labels_in_the_format_of_the_ending(cli: Cli, shared_run: Path, tmp_path: Path) -> None:
    for name in ("csv", "parquet", "json"):
        out = tmp_path / f"labels.{name}"
        outcome = cli("export", shared_run, "--out", out)
        assert outcome == (0, f"labels of 160 images as {name}: {out}\n", "")


def test_other_formats(cli: Cli, shared_photo_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "labels.json"
    outcome = cli("export", shared_photo_run, "--out", out, "--format", "fiftyone")
    assert outcome.out == f"labels of 60 images as fiftyone: {out}\n"
    assert len(json.loads(out.read_text())["labels"]) == 60


def test_standard_output_takes_the_labels_and_nothing_else(
    cli: Cli, shared_run: Path, tmp_path: Path
) -> None:
    command = ["export", shared_run, "--probabilities", "--out"]
    assert cli(*command, tmp_path / "x.csv").exit_code == 0
    outcome = cli(*command, "-")
    assert outcome.out == (tmp_path / "x.csv").read_text()
    assert outcome.err == "labels of 160 images as csv: -\n"


@pytest.mark.slow
def test_the_network(cli: Cli, shared_run: Path, tmp_path: Path) -> None:
    out, network = tmp_path / "labels.csv", tmp_path / "model.onnx"
    outcome = cli("export", shared_run, "--out", out, "--onnx", network)
    assert (outcome.exit_code, outcome.err) == (0, "")
    labels, told = outcome.out.splitlines()
    assert labels == f"labels of 160 images as csv: {out}"
    assert told.startswith(
        f"network with 4 clusters: {network}, compared with torch on 8 features: probabilities "
    )
    assert network.is_file()


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ([], "expected --out FILE or --onnx FILE.onnx"),
        (["--onnx", "x.onnx", "--probabilities"], "--probabilities are of labels"),
        (["--onnx", "x.onnx", "--format", "csv"], "--format and --probabilities are of labels"),
        (["--out", "x.csv", "--weights", "random"], "--weights are of the network"),
        (["--out", "x.txt"], "pass --format csv, parquet, json, coco, fiftyone"),
        (["--out", "x.json", "--format", "coco", "--probabilities"], "no place for the shares"),
    ],
)
def test_wrong_use(options: list[str], part: str, cli: Cli, shared_run: Path) -> None:
    outcome = cli("export", shared_run, *options)
    assert (outcome.exit_code, outcome.out) == (2, "")
    assert part in outcome.err
