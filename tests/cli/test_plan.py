from pathlib import Path

import pytest

from tests.conftest import Cli
from ucls.planning.measured import Line, Measured, Search
from ucls.stages import plan as stage

MEASURED = Measured(
    8e-3, 3e-3, 1e9, 1e-9, Search(10**4, 2.0, 1e-3), 0.25, 0.5, 1e-5,
    Line(3.0, 1e-6), Line(1.0, 2e-6), Line(1.0, 1e-4), 1e-6,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "_measure", lambda *_, **__: MEASURED)
    monkeypatch.setattr(stage, "machine", lambda device: f"7 cores on {device}")


def test_a_row_for_every_stage_and_where_it_was_measured(cli: Cli, sources: Path) -> None:
    result = cli(
        "plan", sources / "plain.npy", "-k", 4, "--images", "100e6", "--machines", 8,
        "--device", "cpu",
    )  # fmt: skip
    assert result.exit_code == 0
    assert result.out.startswith(
        "100,000,000 images, 4 clusters, 8 machines: steps measured on this machine "
        "(7 cores on cpu) are extrapolated\n"
    )
    rows = {line.split()[0]: line for line in result.out.splitlines() if "│" in line}
    assert list(rows) == [
        "extract", "neighbors", "train", "merge", "ensemble", "self-train", "evaluate"
    ]  # fmt: skip
    assert "14.5 days" in rows["neighbors"]  # 1e16 pairs by eight, and reading
    assert "all pairs, N²" in rows["neighbors"]
    assert "2 min" in rows["merge"]
    assert "\nall: " in result.out


@pytest.mark.parametrize("images", ["2.5", "nan", "inf", "0", "-3"])
def test_images_are_a_whole_number(images: str, cli: Cli, sources: Path) -> None:
    result = cli("plan", sources / "plain.npy", "-k", 4, f"--images={images}")
    assert result.exit_code == 2
    assert result.err.startswith("ucls: error: --images must be a whole number such as 100e6")


def test_what_is_wrong_is_one_line(cli: Cli, sources: Path, tmp_path: Path) -> None:
    for arguments, message in (
        ((tmp_path / "nothing", "-k", 4), "nothing"),
        ((sources / "plain.npy", "-k", 200, "--images", 100), "only 100 images"),
        ((sources / "plain.npy",), "pass -k NUMBER"),
        ((sources / "plain.npy", "-k", 4, "--machines", 0), "--machines"),
    ):
        result = cli("plan", *arguments)
        assert result.exit_code == 2
        assert message in result.err
        assert len(result.err.splitlines()) == 1
