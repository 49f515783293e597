import psutil
import pytest

from ucls.ensemble import available_memory as module
from ucls.ensemble.available_memory import available_memory, require_memory
from ucls.errors import UsageError


@pytest.fixture
def cgroup(tmp_path, monkeypatch):
    """A container whose limits are files here."""
    monkeypatch.setattr(module, "CGROUP", tmp_path)
    return tmp_path


def test_without_a_container_it_is_what_the_machine_has(cgroup):
    available = psutil.virtual_memory()
    assert 0 < available_memory() <= available.total
    assert available_memory() == pytest.approx(available.available, rel=0.5)


def test_a_container_has_what_is_left_of_its_limit(cgroup):
    (cgroup / "memory.max").write_text("5000000\n")
    (cgroup / "memory.current").write_text("2000000\n")
    assert available_memory() == 3_000_000


def test_files_in_memory_are_not_in_the_way(cgroup):
    (cgroup / "memory.max").write_text("5000000\n")
    (cgroup / "memory.current").write_text("4900000\n")
    (cgroup / "memory.stat").write_text("anon 100\ninactive_file 4000000\nslab 7\n")
    assert available_memory() == 4_100_000


def test_a_full_container_has_nothing(cgroup):
    (cgroup / "memory.max").write_text("5\n")
    (cgroup / "memory.current").write_text("7\n")
    assert available_memory() == 0


def test_a_container_without_limit_has_what_the_machine_has(cgroup):
    (cgroup / "memory.max").write_text("max\n")
    (cgroup / "memory.current").write_text("2000000\n")
    assert available_memory() > 2_000_000


def test_what_fits_passes_and_what_does_not_is_a_usage_error(cgroup):
    (cgroup / "memory.max").write_text("2500000000\n")
    (cgroup / "memory.current").write_text("0\n")
    require_memory("nmf", 2.5e9, because="a lot")
    message = (
        r"nmf would need about 2\.6 GB of memory for a lot, and 2\.5 GB are available: "
        "use method mcla or vote"
    )
    with pytest.raises(UsageError, match=message):
        require_memory("nmf", 2.6e9, because="a lot")
