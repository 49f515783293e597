import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SMALL = ["--n", "400", "--clusters", "5", "--heads", "6"]


def run_benchmark(*arguments, as_file=False):
    start = ["benchmarks/ensembles.py"] if as_file else ["-m", "benchmarks.ensembles"]
    command = [sys.executable, *start, *SMALL, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)


@pytest.mark.parametrize("as_file", [False, True])
def test_it_has_a_line_per_method_and_the_same_in_json(as_file, tmp_path):
    record = tmp_path / "figures.json"
    done = run_benchmark("--methods", "vote,mcla", "--json", record, as_file=as_file)
    assert done.returncode == 0, done.stderr
    _machine, size, single, columns, *rows = done.stdout.splitlines()
    assert size == "N=400 C=5 H=6 independent, seed 0"
    assert single.startswith("ACC of single heads: mean 0.8")
    assert columns.split() == ["method", "s", "GB", "ACC", "NMI", "ANMI", "occupied"]
    figures = json.loads(record.read_text())["methods"]
    assert [row.split()[0] for row in rows] == list(figures) == ["vote", "mcla"]
    for row in rows:
        name, _seconds, gigabytes, acc, nmi, anmi, occupied = row.split()
        assert float(acc) == pytest.approx(figures[name]["acc"], abs=1e-4)
        assert 0.95 < float(acc) <= 1
        assert 0.5 < float(anmi) < float(nmi) <= 1
        assert int(occupied) == 5
        # The method's own: torch or scikit-learn would take more.
        assert 0.02 < float(gigabytes) < 0.13


def test_a_method_that_fails_is_a_line_that_says_why():
    done = run_benchmark("--clusters", "401", "--methods", "mcla")
    assert done.returncode == 0, done.stderr
    assert "between 2 and the number of images" in done.stdout.splitlines()[-1]


def test_unknown_methods_are_refused():
    done = run_benchmark("--methods", "mcla,kmeans")
    assert done.returncode == 2
    assert "got kmeans" in done.stderr
