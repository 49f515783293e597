import pytest

from benchmarks.accuracy.plan import Outcome
from benchmarks.accuracy.summary import print_summary
from tests.benchmarks.accuracy.samples import make_record


def test_what_ran_was_skipped_and_failed(capsys: pytest.CaptureFixture[str]) -> None:
    record = make_record(acc=0.8)
    del record.figures["val"]["self_training"]
    print_summary(
        [
            Outcome("digits", 0, "ran", seconds=75.0, record=record),
            Outcome("digits", 1, "skipped", record=make_record()),
            Outcome("cifar10", None, "failed", reason="it is [not] there"),
        ]
    )
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    ran, skipped, failed = (
        [cell for cell in line if cell != "│"]
        for line in lines
        if line[:1] in (["digits"], ["cifar10"]) and "│" in line
    )
    assert ran == ["digits", "0", "ran", "1:15", "80.00", "81.00", "82.00"]
    assert skipped == ["digits", "1", "skipped", "90.00", "91.00", "92.00", "93.00"]
    assert failed == ["cifar10", "failed"]
    assert ["cifar10", "failed:", "it", "is", "[not]", "there"] in lines
