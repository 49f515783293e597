import os
from pathlib import Path

from ucls.cache.features.later import caches_of, later_cache


def test_a_later_cache_lies_beside_the_first(tmp_path: Path) -> None:
    first = tmp_path / "a[1]-train-pixels-32-01234567.h5"
    later = later_cache(first, "89abcdef" + "0" * 56)
    assert later == tmp_path / "a[1]-train-pixels-32-01234567-89abcdef.h5"


def test_caches_of_one_folder_are_told_the_latest_first(tmp_path: Path) -> None:
    first = tmp_path / "a[1]-train-pixels-32-01234567.h5"
    assert caches_of(first) == []
    second, third = (later_cache(first, digit * 64) for digit in "23")
    other = tmp_path / "a1-train-pixels-32-01234567-44444444.h5"
    for time, path in enumerate((first, third, second, other)):
        path.touch()
        os.utime(path, (time, time))
    assert caches_of(first) == [second, third, first]
    first.unlink()
    assert caches_of(first) == [second, third]
