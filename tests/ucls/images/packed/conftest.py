from pathlib import Path

import pytest


@pytest.fixture
def fixtures() -> Path:
    """Files that other libraries wrote."""
    return Path(__file__).parents[1] / "fixtures"
