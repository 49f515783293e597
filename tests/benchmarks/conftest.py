"""What several tests of the benchmarks run on."""

from pathlib import Path

import pytest


@pytest.fixture
def blobs(sources: Path):
    """120 labelled images of four classes, and 40 of ``val``."""
    from ucls.sources import load_source

    return load_source(str(sources / "blobs.npz"), val=str(sources / "blobs-val.npz"))
