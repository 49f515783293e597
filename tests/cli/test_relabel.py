from pathlib import Path

from tests.conftest import Cli

RENAMED = '[[edits]]\ndo = "rename"\ncluster = 1\nname = "sevens"\n'


def test_tells_what_changed_and_what_comes_next(cli: Cli, run_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(
        f'{RENAMED}[[edits]]\ndo = "move"\nimages = ["blobs/000", "blobs/001"]\ninto = 9\n'
    )
    outcome = cli("relabel", run_path, path)
    assert outcome.exit_code == 0
    assert "2 edits: 2 of 160 images changed, 5 clusters now" in outcome.out
    assert "1 cluster cannot be told apart in new images yet" in outcome.out
    assert f"run: ucls relabel {run_path} --retrain" in outcome.out
    assert f"ucls evaluate {run_path}" in outcome.out
    again = cli("relabel", run_path, "--retrain")
    assert again.exit_code == 0
    assert "cannot be told apart" not in again.out
    assert "sevens" in (run_path / "labels.csv").read_text()


def test_what_is_replaced_and_restored_is_told(cli: Cli, run_path: Path, tmp_path: Path) -> None:
    def relabelled(text: str) -> str:
        (tmp_path / "c.toml").write_text(text)
        return cli("relabel", run_path, tmp_path / "c.toml").out

    assert f"{run_path} has no corrections yet: give a file" in cli("relabel", run_path).out
    for gone_on_with in (RENAMED, RENAMED + RENAMED.replace("sevens", "ones")):
        assert "earlier edit" not in relabelled(gone_on_with)
    kept = f"replaced, kept in {run_path / 'corrections-previous.toml'}\n"
    assert relabelled(RENAMED).startswith(f"1 earlier edit {kept}")
    assert relabelled(RENAMED.replace("sevens", "twos")).startswith(f"1 earlier edit {kept}")
    told = relabelled("edits = []")
    assert told.startswith(f"what was found is restored\n1 earlier edit {kept}")


def test_a_wrong_file_is_one_clear_line(cli: Cli, run_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(RENAMED.replace("cluster = 1", "cluster = 44"))
    outcome = cli("relabel", run_path, path)
    assert outcome.exit_code == 2
    assert outcome.err == (
        "ucls: error: edit 1 (rename): there is no cluster 44; there are 4, from 0 to 3\n"
    )
    assert not (run_path / "corrections.toml").exists()


def test_the_table_of_figures_has_a_row_for_them(cli: Cli, run_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(RENAMED)
    cli("relabel", run_path, path)
    outcome = cli("evaluate", run_path)
    assert outcome.exit_code == 0
    assert "corrected by hand" in outcome.out
