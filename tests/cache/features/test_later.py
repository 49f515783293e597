import os
from pathlib import Path

from ucls.cache.features.later import later_cache, latest_cache


def test_a_later_cache_lies_beside_the_first(tmp_path: Path) -> None:
    first = tmp_path / "a[1]-train-pixels-32-01234567.h5"
    later = later_cache(first, "89abcdef" + "0" * 56)
    assert later == tmp_path / "a[1]-train-pixels-32-01234567-89abcdef.h5"


def test_the_latest_is_that_written_last(tmp_path: Path) -> None:
    first = tmp_path / "a[1]-train-pixels-32-01234567.h5"
    second, third = (later_cache(first, digit * 64) for digit in "23")
    other = tmp_path / "a1-train-pixels-32-01234567-44444444.h5"
    for time, path in enumerate((first, third, second, other)):
        path.touch()
        os.utime(path, (time, time))
    assert latest_cache(first) == second
    second.unlink()
    assert latest_cache(first) == third
    third.unlink()
    assert latest_cache(first) == first
