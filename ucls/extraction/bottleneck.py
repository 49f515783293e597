"""Which phase of the work the others wait for."""

import time

_MEMORY = 0.9
"""Share of the past that counts beside each new lap, so that the last ten or so decide."""


class Bottleneck:
    """Sums up the time of phases that take turns.

    Args:
        *phases: their names.
    """

    def __init__(self, *phases: str) -> None:
        self._seconds = dict.fromkeys(phases, 0.0)
        self._since = time.perf_counter()

    def lap(self, phase: str) -> None:
        """Counts the time since the last lap for a phase."""
        now = time.perf_counter()
        self._seconds[phase] = _MEMORY * self._seconds[phase] + now - self._since
        self._since = now

    @property
    def name(self) -> str:
        """The phase that lately took the longest."""
        return max(self._seconds, key=lambda phase: self._seconds[phase])
