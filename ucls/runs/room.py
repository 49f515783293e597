"""Whether features fit into memory, or stay on disk while a stage works."""

from typing import Literal

from ucls.ensemble.available_memory import available_memory
from ucls.runs.run import Run
from ucls.wording import size

SHARE = 0.5
"""Of the free memory that features may take; the rest is for what is made of them."""


def stay_on_disk(run: Run, stage: str, n_bytes: int, *, price: str) -> bool:
    """Whether the features of a run stay on disk; if so, says why, and at what price.

    Args:
        run: whose setting ``features_in`` decides, or the free memory.
        stage: that needs them.
        n_bytes: what they would take of the memory.
        price: what it costs to read them from disk.
    """
    wanted, free = run.config.features_in, available_memory()
    if not is_on_disk(wanted, n_bytes, free=free):
        return False
    needed = f"they would take {size(n_bytes)} of memory, and {size(free)} are free"
    why = f"as {needed}" if wanted == "auto" else "as asked for"
    run.reporter.say(f"{stage}: features stay on disk, {why}; {price}")
    return True


def is_on_disk(wanted: Literal["auto", "memory", "disk"], n_bytes: int, *, free: int) -> bool:
    """Whether features of so many bytes stay on disk, by the setting and the free memory."""
    return wanted == "disk" or (wanted == "auto" and n_bytes > SHARE * free)
