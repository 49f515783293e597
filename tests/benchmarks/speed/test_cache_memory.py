import pytest

from benchmarks.speed.cache_memory import BATCH, SPEC, measure_caches, read_cache, write_cache


def test_what_is_written_is_read_whole(tmp_path):
    path = tmp_path / "cache"
    write_cache(str(path), 2 * BATCH)
    assert path.stat().st_size >= 2 * BATCH * SPEC.bytes_per_image
    read_cache(str(path), 2 * BATCH)
    with pytest.raises(ValueError, match="expected 1000 rows, got 2000"):
        read_cache(str(path), BATCH)


def test_a_line_for_writing_and_for_reading(tmp_path):
    table = measure_caches(BATCH, tmp_path)
    assert [row[:3] for row in table.rows] == [["write", "1,000", "4"], ["read", "1,000", "4"]]
    for row in table.rows:
        cache, bare, ratio = (float(cell.replace(",", "")) for cell in row[3:6])
        assert ratio == pytest.approx(cache / bare, abs=0.1)
        assert all(10 < float(cell) < 300 for cell in row[6:])
    assert list(tmp_path.iterdir()) == []
