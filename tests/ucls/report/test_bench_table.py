from pathlib import Path

from ucls.report.bench_table import bench_table, is_bench_table

ROW = {"clusters": 9, "largest": 1200, "smallest": 1, "links cut": 0.12345, "s": 2.04}


def test_columns_without_figures_are_left_out() -> None:
    table = bench_table({"k-means": ROW, "ucls": {**ROW, "s": 61.25}})
    assert table.headings == ["method", "clusters", "largest", "smallest", "links cut", "s"]
    assert table.rows[0] == ["k-means", "9", "1200", "1", "0.123", "2.0"]
    scored = bench_table({"ucls": {**ROW, "ACC": 0.9, "class ACC": 0.8, "NMI": 0.75}})
    assert scored.headings[:4] == ["method", "ACC", "class ACC", "NMI"]


def test_it_knows_its_own_files(tmp_path: Path) -> None:
    table = bench_table({"k-means": ROW})
    table.write_csv(tmp_path / "own.csv")
    table.write_markdown(tmp_path / "own.md")
    (tmp_path / "other.md").write_text("# My notes\n")
    (tmp_path / "other.png").write_bytes(b"\x89PNG\xff")
    known = {path.name: is_bench_table(path) for path in tmp_path.iterdir()}
    assert known == {"own.csv": True, "own.md": True, "other.md": False, "other.png": False}
    assert not is_bench_table(tmp_path / "missing.md")
