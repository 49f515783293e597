"""Refusing, before it starts, what would not fit into memory."""

from pathlib import Path

from ucls.errors import UsageError

CGROUP = Path("/sys/fs/cgroup")
GIGABYTE = 1e9


def require_memory(method: str, n_bytes: float, *, because: str) -> None:
    """Stops unless the memory that a method needs is available.

    Args:
        method: of the consensus.
        n_bytes: what it needs, beyond what is in use already.
        because: what takes so much.

    Raises:
        UsageError: with what is needed and what is available.
    """
    available = available_memory()
    if n_bytes > available:
        raise UsageError(
            f"{method} would need about {n_bytes / GIGABYTE:.1f} GB of memory for {because}, and "
            f"{available / GIGABYTE:.1f} GB are available: use method mcla or vote"
        )


def available_memory() -> int:
    """Bytes that can be had without swapping, within the limit of a container if there is one."""
    import psutil

    available: int = psutil.virtual_memory().available
    try:
        limit = int((CGROUP / "memory.max").read_text())
        used = int((CGROUP / "memory.current").read_text()) - _reclaimable()
    except (OSError, ValueError):
        return available
    return min(available, max(0, limit - used))


def _reclaimable() -> int:
    """Bytes of the container that hold files and are given up when memory is needed."""
    try:
        statistics = (CGROUP / "memory.stat").read_text()
    except OSError:
        return 0
    lines = dict(line.split(maxsplit=1) for line in statistics.splitlines())
    return int(lines.get("inactive_file", 0))
