from pathlib import Path

from tests.conftest import Cli
from ucls.cache import RunFolder


def test_a_run_from_the_command_line(
    cli: Cli, photos: Path, tmp_path: Path, tiny_options: list[str]
) -> None:
    config = tmp_path / "a.toml"
    config.write_text("seed = 3\n[extract]\nimage_size = 5\n")
    outcome = cli(
        "run", photos, "--labels", "folders", "--backbone", "pixels", "--config", config,
        *tiny_options, "--set", "extract.workers=0", "--out", tmp_path / "a",
    )  # fmt: skip
    assert outcome.exit_code == 0
    assert "photos, pixels, 3 clusters, seed 3" in outcome.out
    assert outcome.out.splitlines()[-2:] == [
        f"labels of all images: {tmp_path / 'a' / 'labels.csv'}",
        f"all figures:          {tmp_path / 'a' / 'metrics.json'}",
    ]
    written = RunFolder(tmp_path / "a").read_config()
    assert written["extract"]["image_size"] == 5
    assert written["train"]["n_heads"] == 6
    assert (written["n_clusters"], written["seed"]) == (3, 3)


def test_a_finished_run_shows_its_table_again(cli: Cli, run_path: Path, sources: Path) -> None:
    """The stages between are skipped; ``evaluate`` shows the same table."""
    table = cli("evaluate", run_path).out.partition("\nall figures")[0]
    assert table.startswith("blobs, 4 clusters")
    outcome = cli("evaluate", run_path)
    assert outcome.out.startswith(table)
    assert outcome.err == "evaluate: done before with these settings, skipped\n"
