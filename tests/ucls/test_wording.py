import errno

import pytest

from ucls.wording import cause, count, duration, size


def test_counts() -> None:
    assert [count(n, "cache") for n in (0, 1, 1200)] == ["0 caches", "1 cache", "1,200 caches"]


def test_durations() -> None:
    durations = {0.0: "1 s", 1.6: "2 s", 99.4: "99 s", 100: "2 min", 5000: "83 min", 9000: "2.5 h"}
    durations |= {359_000: "99.7 h", 432_000: "5.0 days", 1e9: "11,574.1 days"}
    assert {seconds: duration(seconds) for seconds in durations} == durations


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EAGAIN, "unable to lock file"), ("open in another program", "wait")),
        (OSError("unable to open file (file is already open for write)"), ("open in", "h5clear")),
        (OSError(errno.ENOLCK, ""), ("no locks", "HDF5_USE_FILE_LOCKING=FALSE")),
        (OSError(errno.ENOSYS, ""), ("no locks",)),
        (OSError(errno.EACCES, ""), ("Permission denied", "rights")),
        (OSError(errno.EISDIR, ""), ("Is a directory",)),
        (OSError(errno.EMFILE, ""), ("Too many open files", "ulimit")),
        (OSError(errno.EIO, ""), ("Input/output error", "run again")),
        (OSError(errno.ENOSPC, ""), ("No space left on device", "make room")),
        (OSError(errno.ENODATA, ""), ("check the path and its rights",)),
        (MemoryError(), ("memory",)),
    ],
)
def test_the_cause_is_named(error: Exception, words: tuple[str, ...]) -> None:
    said = str(cause(error))
    assert all(word in said for word in words)
    assert "damaged" not in said


@pytest.mark.parametrize("error", [OSError("truncated file"), ValueError("bad header"), EOFError()])
def test_what_the_system_has_no_part_in(error: Exception) -> None:
    assert cause(error) is None


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (0, "0 kB"),
        (86_520, "87 kB"),
        (1_250_000, "1.2 MB"),
        (13_120_000_000, "13.1 GB"),
        (2e12, "2.0 TB"),
    ],
)
def test_sizes(n_bytes: int, text: str) -> None:
    assert size(n_bytes) == text
