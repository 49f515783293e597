import ctypes
import sys

import pytest

from ucls import malloc as memory


class Libc:
    """Writes down what is called."""

    def __init__(self) -> None:
        self.parameters: dict[int, int] = {}
        self.n_trims = 0

    def mallopt(self, parameter: int, value: int) -> int:
        self.parameters[parameter] = value
        return 1

    def malloc_trim(self, pad: int) -> int:
        self.n_trims += 1
        return 1


def test_the_defaults_come_back_also_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    libc = Libc()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: libc)
    with memory.freed_memory_kept():
        assert libc.parameters == memory.KEEP
        assert libc.n_trims == 1
    assert libc.parameters == memory.DEFAULTS
    libc.parameters, libc.n_trims = {}, 0
    with pytest.raises(KeyError), memory.freed_memory_kept():
        raise KeyError
    assert libc.parameters == memory.DEFAULTS
    assert libc.n_trims == 2


def test_nothing_happens_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: pytest.fail("must not be loaded"))
    with memory.freed_memory_kept():
        pass
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    with memory.freed_memory_kept():
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is on Linux only")
def test_memory_can_be_allocated_within() -> None:
    with memory.freed_memory_kept():
        assert len(bytearray(2**22)) == 2**22
