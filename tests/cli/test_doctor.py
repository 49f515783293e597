from pathlib import Path

import pytest

from tests.conftest import Cli
from ucls import doctor
from ucls.doctor import Finding


def test_what_is_looked_at(cli: Cli, own_cache: Path) -> None:
    outcome = cli("doctor")
    assert outcome.err == ""
    for name in ("python", "torch", "timm", "FAISS", "device", "cache"):
        assert name in outcome.out
    assert not own_cache.exists()


def test_a_problem_and_its_remedy(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "examine_faiss", lambda: Finding("FAISS", "none", "pip install"))
    outcome = cli("doctor")
    assert outcome.exit_code == 1
    assert "problem: pip install" in outcome.out
    assert "all is well" not in outcome.out
