import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.objectives import VARIANTS, digits_source, format_row, run_variant
from ucls.settings.config import Config
from ucls.settings.objectives import objective_names

REPOSITORY = Path(__file__).parents[2]
QUICK = {"train.epochs": 2, "train.n_heads": 4}


@pytest.mark.parametrize("row", VARIANTS)
def test_the_settings_of_every_row_are_valid(row: str) -> None:
    assert Config().with_values(VARIANTS[row]).train.objective in objective_names()


def test_right_neighbours_help_and_thinning_thins(tmp_path: Path) -> None:
    source = digits_source(tmp_path, 10.0)
    assert 500 < source.n_images < 700
    settings = {**VARIANTS["ucls, not merged"], **QUICK, "train.epochs": 20}
    plain, oracle = (
        run_variant(settings, source, seed=0, folder=tmp_path, oracle=oracle)
        for oracle in (False, True)
    )
    assert oracle["ACC"] > plain["ACC"]
    assert plain["s"] > 0


def test_a_row_holds_mean_and_deviation() -> None:
    results = [
        {"ACC": 0.8, "class ACC": 0.7, "NMI": 0.6, "ARI": 0.5, "s": 3.0},
        {"ACC": 0.9, "class ACC": 0.7, "NMI": 0.6, "ARI": 0.5, "s": 5.0},
    ]
    assert format_row("ucls", results).split() == (
        [
            "ucls",
            "0.850",
            "±",
            "0.050",
            "0.700",
            "±",
            "0.000",
            "0.600",
            "±",
            "0.000",
            "0.500",
            "±",
            "0.000",
            "4.0",
        ]
    )


@pytest.mark.slow
def test_it_runs_as_a_file(tmp_path: Path) -> None:
    record = tmp_path / "figures.json"
    command = [sys.executable, "benchmarks/objectives.py", "--seeds", "1", "--rows", "uic"]
    done = subprocess.run(
        [*command, "--json", str(record)],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("uic")
    assert json.loads(record.read_text())["results"]["uic"][0]["ACC"] > 0.7
