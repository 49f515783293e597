import sys

import pytest

from benchmarks import digits
from ucls.settings.config import Config


def test_it_runs_to_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = {"train.epochs": 2, "train.n_heads": 4, "self_train.iterations": 10}
    monkeypatch.setattr(digits, "Config", lambda seed: Config(seed=seed).with_values(quick))
    monkeypatch.setattr(sys, "argv", ["digits", "--seeds", "1"])
    digits.main()
    out = capsys.readouterr().out
    assert "agglomerative  0.827" in out
    assert "val    self-training" in out
