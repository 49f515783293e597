import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Lines
from ucls import pipeline
from ucls.cache import RunFolder, settings_key
from ucls.cli import main as cli_main
from ucls.progress import SILENT, Reporter
from ucls.runs import catalog
from ucls.runs.catalog import STAGES, Stage, find_stage, stage_after, stage_names, stages_until
from ucls.runs.opening import open_for
from ucls.runs.run import Run
from ucls.settings.config import Config


def test_the_order_of_the_stages() -> None:
    assert stage_names() == (
        "extract", "neighbors", "train", "merge", "ensemble", "self-train", "evaluate",
    )  # fmt: skip
    assert [stage.name for stage in stages_until("merge")] == ["neighbors", "train", "merge"]
    assert stages_until("extract") == ()
    following = stage_after("merge")
    assert following is not None
    assert following.name == "ensemble"
    assert stage_after("evaluate") is None


def test_each_stage_comes_after_an_earlier_one_and_leaves_files_of_its_own() -> None:
    for place, stage in enumerate(STAGES):
        assert (stage.after is None) == (place == 0)
        assert stage.after is None or stage.after in stage_names()[:place]
        assert callable(stage.function)
    files = [name for stage in STAGES for name in (*stage.files, *stage.more_files)]
    assert len(files) == len(set(files))


def test_no_other_stage() -> None:
    with pytest.raises(KeyError):
        find_stage("tea")


def test_every_stage_is_a_command() -> None:
    names = {command.name for command in cli_main.app.registered_commands}
    assert set(stage_names()) <= names


def count_clusters(
    path: Path,
    *,
    settings: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Path:
    """A stage of somebody else: counts clusters."""
    run = open_for("count", path, settings=settings, reporter=reporter)
    target = run.folder.file("count.json")
    with run.freshness.work("count", overwrite=overwrite) as todo:
        if todo:
            target.write_text(json.dumps(run.n_clusters))
    return target


COUNT = Stage(
    name="count",
    after="merge",
    files=("count.json",),
    settings=lambda run: settings_key(run.n_clusters, run.freshness.key("merge")),
    run=f"{__name__}:count_clusters",
)


def test_a_new_stage_is_an_entry(
    tmp_path: Path,
    sources: Path,
    tiny_config: Config,
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catalog, "STAGES", (*STAGES[:-1], COUNT, STAGES[-1]))
    source = str(sources / "plain.npy")
    path = pipeline.run(source, out=tmp_path / "a", config=tiny_config).path
    assert json.loads((path / "count.json").read_text()) == Run(path).n_clusters
    assert Run(path).freshness.is_done("count")
    COUNT(path, reporter=lines)
    assert lines.said == ["count: done before with these settings, skipped"]
    assert RunFolder(path).record["stages"]["count"]["status"] == "done"
    COUNT(path, settings={"ensemble.method": "vote"})
    assert Run(path).freshness.is_done("count")
    pipeline.start(source, out=path, config=tiny_config, overwrite=True)
    assert not (path / "count.json").exists()
