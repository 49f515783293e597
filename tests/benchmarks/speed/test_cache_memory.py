import pytest

from benchmarks.speed.cache_memory import BATCH, SPEC, read_cache, write_cache


def test_what_is_written_is_read_whole(tmp_path):
    path = tmp_path / "cache"
    write_cache(str(path), 2 * BATCH)
    assert path.stat().st_size >= 2 * BATCH * SPEC.bytes_per_image
    read_cache(str(path), 2 * BATCH)
    with pytest.raises(ValueError, match="expected 1000 rows, got 2000"):
        read_cache(str(path), BATCH)
