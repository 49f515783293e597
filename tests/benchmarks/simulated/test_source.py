import pytest

from benchmarks.simulated.source import make_source
from ucls.errors import UsageError


def test_it_is_written_once(tmp_path):
    source = tmp_path / "features.h5"
    make_source(str(source), 400, 4, 16)
    written = source.stat().st_mtime_ns
    make_source(str(source), 400, 4, 16)
    assert source.stat().st_mtime_ns == written


def test_one_of_another_size_is_refused(tmp_path):
    source = tmp_path / "features.h5"
    make_source(str(source), 300, 3, 8)
    with pytest.raises(UsageError, match="holds other features: n_images 300"):
        make_source(str(source), 400, 4, 16)
