import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from benchmarks.__main__ import app
from tests.ucls.datasets.layouts import write_cifar10
from ucls.errors import UsageError
from ucls.sources import load_source
from ucls.stages.pretrain import pretrain


def papers(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["papers", *map(str, arguments)])


def lines_of(text: str, table: str) -> list[list[str]]:
    """The cells of a table, row by row."""
    part = text.partition(f"### {table}")[2].partition("\n### ")[0]
    lines = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines[2:]]


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ResNet-18 that saw twenty images of CIFAR-10 once."""
    folder = tmp_path_factory.mktemp("learned")
    write_cifar10(folder)
    settings = {
        "method": "self-classifier", "arch": "resnet18", "image_size": 8, "epochs": 1,
        "batch_size": 10, "scales": [1], "hidden_dim": 8, "device": "cpu", "workers": 0,
    }  # fmt: skip
    source = load_source("cifar10", data_dir=folder)
    return pretrain(source, out=folder / "tiny", settings=settings).path


@pytest.mark.slow
def test_a_run_fills_the_row_that_it_is_like(learned: Path) -> None:
    result = papers("--run", learned)
    assert result.exit_code == 0, result.output
    name = "Self-Classifier, the reimplementation, table 1"
    ours = {line[1]: line[-1] for line in lines_of(result.stdout, name)}
    assert re.fullmatch(
        r"nmi \d+\.\d, ami -?\d+\.\d, ari -?\d+\.\d, acc \d+\.\d \(1 epoch\)", ours["cifar10"]
    )
    assert ours["mnist"] == ours["cifar20"] == ours["stl10"] == ""
    assert result.stdout.count("(1 epoch)") == 1
    told = "- ours: tiny, self-classifier of resnet18 on cifar10, 1 epoch, batches of 10, seed 0\n"
    assert told in result.stdout


def test_without_runs_the_papers_stand_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    assert papers("--out", page).exit_code == 0
    text = page.read_text(encoding="utf-8")
    assert text.count("\n### ") == 34
    assert {line[-1] for line in lines_of(text, "C2BIN, table 2")} == {""}
    assert papers("--out", page).exit_code == 0
    page.write_text("mine", encoding="utf-8")
    assert "exists and was not written" in str(papers("--out", page).exception)


def test_a_folder_that_is_no_run_is_told(tmp_path: Path) -> None:
    assert isinstance(papers("--run", tmp_path).exception, UsageError)
