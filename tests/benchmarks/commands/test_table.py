from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from benchmarks.commands.table import command
from benchmarks.records import write_record
from tests.benchmarks.accuracy.samples import make_trial
from ucls.errors import UsageError

app = typer.Typer()
app.command()(command)


def test_the_table_is_printed_and_written(tmp_path: Path) -> None:
    for seed in range(2):
        write_record(tmp_path / "stl10" / f"ucls-seed{seed}.json", make_trial("stl10", seed=seed))
    result = CliRunner().invoke(app, ["--results-dir", str(tmp_path)], catch_exceptions=False)
    assert result.exit_code == 0
    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert text in result.stdout
    assert "## stl10" in text
    assert "## cifar10" not in text
    assert (tmp_path / "table.csv").read_text(encoding="utf-8").startswith("dataset,split,")


def test_datasets_and_place_can_be_chosen(tmp_path: Path) -> None:
    out = tmp_path / "new" / "figures.md"
    arguments = ["--results-dir", str(tmp_path), "--datasets", "all", "--out", str(out)]
    CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert out.read_text(encoding="utf-8").count("\n## ") == 10
    assert out.with_suffix(".csv").is_file()


def test_without_records_it_says_how_to_make_some(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--results-dir", str(tmp_path)])
    assert isinstance(result.exception, UsageError)
    assert "benchmarks run --datasets digits" in str(result.exception)


def test_a_record_of_another_version_is_named(tmp_path: Path) -> None:
    path = tmp_path / "digits" / "ucls-seed0.json"
    path.parent.mkdir()
    path.write_text("{}", encoding="utf-8")
    result = CliRunner().invoke(app, ["--results-dir", str(tmp_path)])
    with pytest.raises(UsageError, match=r"ucls-seed0\.json"):
        raise result.exception or AssertionError
