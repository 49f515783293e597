import pytest

from ucls.cli.sizes import format_size


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [(0, "0 kB"), (86_520, "87 kB"), (1_250_000, "1.2 MB"), (13_120_000_000, "13.1 GB")],
)
def test_sizes(n_bytes: int, text: str) -> None:
    assert format_size(n_bytes) == text
