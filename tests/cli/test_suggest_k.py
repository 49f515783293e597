from pathlib import Path

import numpy as np

from tests.conftest import Cli


def test_the_signs_are_shown_with_what_they_speak_for(
    cli: Cli, sources: Path, tmp_path: Path
) -> None:
    plot = tmp_path / "numbers.png"
    result = cli("suggest-k", sources / "plain.npy", "--plot", plot)
    assert result.exit_code == 0
    rows = [line.split() for line in result.out.splitlines() if "suggested" in line]
    assert [row[0] for row in rows] == ["4"]
    assert "clusters: 4: the images fall apart clearly into so many" in result.out
    assert f"plot: {plot}" in result.out
    assert plot.is_file()


def test_too_few_images_are_one_line(cli: Cli, tmp_path: Path) -> None:
    np.save(tmp_path / "few.npy", np.random.default_rng(0).normal(size=(12, 4)))
    for command in ("suggest-k", "run"):
        result = cli(command, tmp_path / "few.npy")
        assert result.exit_code == 2
        assert "how many clusters? 12 images are too few to tell" in result.err
        assert "-k NUMBER" in result.err
