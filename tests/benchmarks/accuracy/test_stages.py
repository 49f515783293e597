from pathlib import Path

import pytest

from benchmarks.accuracy.stages import STAGES, parse_stages, run_stages, settings_to_change
from ucls.errors import UsageError
from ucls.progress import SILENT
from ucls.settings.config import Config


def test_stages_come_in_the_order_of_the_pipeline() -> None:
    assert parse_stages("all") == STAGES
    assert parse_stages("evaluate, ensemble,evaluate") == ("ensemble", "evaluate")


def test_an_unknown_stage_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="no stage 'ensembel'; choose some of extract, neighb"):
        parse_stages("ensembel")


def test_later_stages_need_a_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no run in .*let the stages begin with extract"):
        run_stages(
            tmp_path / "nothing",
            Config(),
            ("ensemble",),
            extraction=None,
            overwrite=False,
            reporter=SILENT,
        )


def test_only_changed_settings_are_to_change() -> None:
    requested = Config(seed=1).model_dump(mode="json")
    now = Config(seed=1).with_values({"train.scales": [2], "ensemble.method": "vote"})
    assert settings_to_change(requested, now) == {"train.scales": [2.0], "ensemble.method": "vote"}
    assert settings_to_change(now.model_dump(mode="json"), now) == {}
