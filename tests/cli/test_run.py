import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Cli, Outcome
from ucls.cache import RunFolder, read_assignments, read_tensors
from ucls.runs.run import Run
from ucls.settings.objectives import objective_names


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
    assert outcome.out.splitlines()[-3:] == [
        f"labels of all images: {tmp_path / 'a' / 'labels.csv'}",
        f"all figures:          {tmp_path / 'a' / 'metrics.json'}",
        f"look at it:           {tmp_path / 'a' / 'report.html'}",
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


@pytest.mark.slow
@pytest.mark.parametrize("objective", objective_names())
def test_every_objective_from_features_to_labels(
    cli: Cli, sources: Path, tmp_path: Path, tiny_options: list[str], objective: str
) -> None:
    run = tmp_path / "a"
    outcome = cli(
        "run", sources / "blobs.npz", "--val", sources / "blobs-val.npz", "--out", run,
        "--objective", objective, *tiny_options, "--set", "train.epochs=40",
    )  # fmt: skip
    assert outcome.exit_code == 0, outcome.err
    assert RunFolder(run).read_config()["train"]["objective"] == objective
    figures = json.loads((run / "metrics.json").read_text())
    for split in ("train", "val"):
        assert figures[split]["ensemble.chosen"]["acc"] > 0.8
        assert figures[split]["self_training"]["acc"] > 0.8
    assert cli("predict", run, sources / "blobs.npz", "--out", tmp_path / "b.csv").exit_code == 0
    columns = ("cluster", "confidence", "probability")
    labelled = [
        [[row[name] for name in columns] for row in csv.DictReader(path.open())][:120]
        for path in (run / "labels.csv", tmp_path / "b.csv")
    ]
    assert labelled[0] == labelled[1]


def test_the_objective_is_ucls_where_none_is_named(cli: Cli, run_path: Path) -> None:
    assert RunFolder(run_path).read_config()["train"]["objective"] == "ucls"


@pytest.mark.slow
def test_views_for_scan(
    cli: Cli, photos: Path, tmp_path: Path, tiny_options: list[str], own_cache: Path
) -> None:
    """As SCAN pairs an image with an augmented view of its neighbour, or of itself."""
    command = [
        "run", photos, "-k", 3, "--backbone", "pixels", "--views", 2, "--objective", "scan",
        *tiny_options, "--set", "extract.workers=0", "--set", "extract.image_size=4",
    ]  # fmt: skip
    losses = {}
    for views in ("neighbor", "augmented", "both"):
        run = tmp_path / views
        outcome = cli(*command, "--out", run, "--set", f"train.views={views}")
        assert outcome.exit_code == 0, outcome.err
        assert Run(run).data.n_views == 3
        losses[views] = read_assignments(run / "assignments.h5").loss.tolist()
    assert len(list(own_cache.glob("*.h5"))) == 1
    assert len({tuple(loss) for loss in losses.values()}) == 3


@pytest.mark.slow
def test_turtle_sees_each_backbone_as_a_space_of_its_own(
    cli: Cli, photos: Path, tmp_path: Path, tiny_options: list[str]
) -> None:
    run = tmp_path / "a"
    outcome = cli(
        "run", photos, "-k", 3, "--features", "cls@timm/test_vit,cls@pixels",
        "--weights", "random", "--objective", "turtle", "--out", run, *tiny_options,
        "--set", "extract.workers=0", "--set", "extract.image_size=16",
    )  # fmt: skip
    assert outcome.exit_code == 0, outcome.err
    weights, metadata = read_tensors(run / "heads.safetensors")
    assert json.loads(metadata["heads"])["spaces"] == [64, 3 * 32 * 32]
    assert all(np.isfinite(value).all() for value in weights.values())
    assert cli("predict", run, photos, "--out", tmp_path / "b.csv").exit_code == 0


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--objective", "dino"], "train.objective: input should be 'ucls', 'temi', 'scan'"),
        (
            ["--objective", "uic", "--set", "train.beta=0.5"],
            "beta has no part in the objective uic, it is used by ucls, temi: leave it out",
        ),
        (
            ["--objective", "scan", "--set", "train.views=both"],
            "no augmented views are cached; extract them with --views 2",
        ),
    ],
)
def test_objectives_and_settings_that_do_not_go_together(
    cli: Cli, sources: Path, tmp_path: Path, options: list[str], part: str
) -> None:
    outcome = cli("run", sources / "plain.npy", "-k", 4, "--out", tmp_path / "a", *options)
    assert (outcome.exit_code, outcome.out) == (2, "")
    assert part in outcome.err.splitlines()[-1]


@pytest.fixture
def run_blobs(
    cli: Cli, sources: Path, tmp_path: Path, tiny_options: list[str]
) -> Callable[..., Outcome]:
    """Runs on blobs, into the folder ``a``."""
    command = ["run", sources / "blobs.npz", "--out", tmp_path / "a", *tiny_options]
    return lambda *options: cli(*command, *options)


def settings_of(run: Path) -> tuple[str, int, int]:
    config = RunFolder(run).read_config()
    return config["effort"], config["train"]["n_heads"], config["train"]["epochs"]


@pytest.mark.slow
def test_the_effort_that_was_asked_for(cli: Cli, sources: Path, tmp_path: Path) -> None:
    command = ["run", sources / "blobs.npz", "--out", tmp_path / "a", "--effort", "quick"]
    outcome = cli(*command)
    assert outcome.exit_code == 0, outcome.err
    assert settings_of(tmp_path / "a") == ("quick", 6, 100)
    assert "train: 6 heads in about " in outcome.err
    again = cli(*command).err
    assert "train: done before with these settings, skipped" in again


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        ({"thorough": 60}, "2m", "time limit 2m: effort thorough, at most 78 s from here\n"),
        (
            {"thorough": 600, "normal": 60},
            "1.5m",
            "time limit 1.5m: effort normal, at most 78 s from here (thorough might take 13 min)\n",
        ),
        (
            {"thorough": 600, "normal": 60, "quick": 30},
            "20s",
            "time limit 20s: effort quick, at most 39 s from here, which is more than the limit "
            "leaves (normal might take 78 s)\n",
        ),
    ],
)
def test_the_effort_that_fits_the_time_limit_stays(
    run_blobs: Callable[..., Outcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    case: tuple[dict[str, float], str, str],
) -> None:
    seconds, limit, told = case

    def estimate(_requested: object, _data: object, effort: str) -> float:
        return seconds[effort]

    monkeypatch.setattr("ucls.runs.time_limit.estimate_training", estimate)
    outcome = run_blobs("--time-limit", limit)
    assert outcome.exit_code == 0, outcome.err
    assert told in outcome.err
    effort = list(seconds)[-1]
    assert settings_of(tmp_path / "a")[0] == effort
    seconds.update(dict.fromkeys(["thorough", "normal", "quick"], 1e-3))
    again = run_blobs("--time-limit", limit).err
    assert "train: done before with these settings, skipped" in again
    assert "time limit" not in again
    assert settings_of(tmp_path / "a")[0] == effort
    other = run_blobs("--time-limit", "3h").err
    assert f'time_limit is "{limit}" there, "3h" here' in other
    assert "effort thorough" in run_blobs("--time-limit", "3h", "--overwrite").err
    assert settings_of(tmp_path / "a")[0] == "thorough"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--time-limit", "10"], "a number with its unit such as 90s, 10m or 2h, but it is '10'"),
        (["--time-limit", "-5m"], "a number with its unit such as 90s, 10m or 2h, but it is '-5m'"),
        (["--time-limit", "soon"], "such as 90s, 10m or 2h, but it is 'soon'"),
        (["--set", "time_limit=10"], "time_limit: input should be a valid string, but it is 10"),
        (["--time-limit", "10m", "--effort", "quick"], "it chooses the effort: leave one of the"),
        (["--time-limit", "10m", "--set", "effort=quick"], "it chooses the effort: leave one"),
        (["--set", "effort=slow"], "input should be 'quick', 'normal' or 'thorough', but it is"),
        (["--effort", "slow"], "'--effort': 'slow' is not one of 'quick', 'normal', 'thorough'"),
    ],
)
def test_efforts_and_limits_that_are_none(
    cli: Cli, sources: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    outcome = cli("run", sources / "blobs.npz", "--out", tmp_path / "a", *options)
    assert (outcome.exit_code, outcome.out) == (2, "")
    assert message in outcome.err
    assert not (tmp_path / "a").exists()


def test_a_report_that_cannot_be_made_is_no_failure(
    cli: Cli, photos: Path, tmp_path: Path, tiny_options: list[str]
) -> None:
    pixels = ["--backbone", "pixels", "--set", "extract.image_size=4", *tiny_options]
    command = ["run", photos, "-k", 3, *pixels, "--out", tmp_path / "a"]
    assert cli(*command, "--no-report").exit_code == 0
    assert not (tmp_path / "a" / "report.html").exists()
    (tmp_path / "a" / "report.html").write_text("mine")
    outcome = cli(*command)
    assert outcome.exit_code == 0
    assert "WARNING: no report: " in outcome.err
    assert (tmp_path / "a" / "report.html").read_text() == "mine"


@pytest.mark.slow
def test_a_finished_run_keeps_its_page(
    cli: Cli, photos: Path, tmp_path: Path, tiny_options: list[str]
) -> None:
    pixels = ["--backbone", "pixels", "--set", "extract.image_size=4", *tiny_options]
    command = ["run", photos, "-k", 3, *pixels, "--out", tmp_path / "a"]
    page = tmp_path / "a" / "report.html"
    assert cli(*command).exit_code == 0
    made = page.stat().st_mtime_ns
    outcome = cli(*command)
    assert outcome.out.endswith(f"look at it:           {page}\n")
    assert page.stat().st_mtime_ns == made
