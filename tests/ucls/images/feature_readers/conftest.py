from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def fixtures() -> Path:
    """Files that other libraries wrote."""
    return Path(__file__).parents[1] / "fixtures"


@pytest.fixture
def values() -> np.ndarray:
    """What is in the fixtures, float32 [6, 4]."""
    return np.arange(24, dtype=np.float32).reshape(6, 4)
