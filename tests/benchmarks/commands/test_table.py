from pathlib import Path

from typer.testing import CliRunner, Result

from benchmarks.__main__ import app
from benchmarks.options import RESULTS
from ucls.errors import UsageError


def table(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["table", *map(str, arguments)])


def test_records_that_were_kept_give_the_table_that_was_kept(tmp_path: Path) -> None:
    results = Path(__file__).parents[3] / RESULTS
    result = table("--results-dir", results, "--out", tmp_path / "new" / "figures.md")
    assert result.exit_code == 0, result.output
    for name in ("md", "csv"):
        written = (tmp_path / "new" / f"figures.{name}").read_text(encoding="utf-8")
        assert written == (results / f"table.{name}").read_text(encoding="utf-8")
    assert "## digits" in result.stdout
    again = ("--results-dir", results, "--out", tmp_path / "new" / "figures.md")
    assert table(*again).exit_code == 0
    (tmp_path / "new" / "figures.csv").write_text("mine")
    assert "figures.csv exists and was not written" in str(table(*again).exception)


def test_published_figures_are_shown_without_records(tmp_path: Path) -> None:
    assert table("--results-dir", tmp_path, "--datasets", "all").exit_code == 0
    assert (tmp_path / "table.md").read_text(encoding="utf-8").count("\n## ") == 10
    assert (tmp_path / "table.csv").is_file()


def test_what_is_no_record_or_not_there_is_told(tmp_path: Path) -> None:
    missing = table("--results-dir", tmp_path).exception
    assert isinstance(missing, UsageError)
    assert "benchmarks run --datasets digits" in str(missing)
    path = tmp_path / "digits" / "ucls-seed0.json"
    path.parent.mkdir()
    path.write_text("{}", encoding="utf-8")
    wrong = table("--results-dir", tmp_path).exception
    assert isinstance(wrong, UsageError)
    assert "ucls-seed0.json" in str(wrong)
