import sys
from pathlib import Path

import pytest

# For cache_samples, which is also run as a script, so it cannot be part of a package.
sys.path.insert(0, str(Path(__file__).parent / "features"))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished cache of the sample images; tests only read it."""
    from cache_samples import write_whole

    path = tmp_path_factory.mktemp("finished") / "sample.h5"
    write_whole(path)
    return path
