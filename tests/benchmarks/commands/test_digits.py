from typer.testing import CliRunner

from benchmarks.__main__ import app


def test_it_shows_every_seed_beside_peers() -> None:
    quick = ["train.epochs=1", "train.n_heads=3", "self_train.iterations=10"]
    options = [part for text in quick for part in ("--set", text)]
    done = CliRunner().invoke(app, ["digits", "--seeds", "1", "--first-seed", "3", *options])
    assert done.exit_code == 0, done.output
    assert "agglomerative" in done.stdout
    assert "0.827" in done.stdout
    assert "seconds per run, feature extraction included: [" in done.stdout
