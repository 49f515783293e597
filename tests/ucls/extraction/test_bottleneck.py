import pytest

from ucls.extraction.bottleneck import Bottleneck


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])

    def advance(seconds):
        now[0] += seconds

    return advance


def test_the_longest_phase_is_the_bottleneck(clock):
    bottleneck = Bottleneck("decode", "model", "write")
    for phase, seconds in (("decode", 1), ("model", 3), ("write", 2)):
        clock(seconds)
        bottleneck.lap(phase)
    assert bottleneck.name == "model"


def test_the_past_is_forgotten(clock):
    bottleneck = Bottleneck("decode", "model")
    clock(100)
    bottleneck.lap("decode")
    laps = 0
    while bottleneck.name == "decode":
        for phase, seconds in (("decode", 1), ("model", 2)):
            clock(seconds)
            bottleneck.lap(phase)
        laps += 1
    assert 15 < laps < 40
