"""Sizes and numbers, for people."""


def format_size(n_bytes: int) -> str:
    """Writes bytes in the unit that fits: ``340 kB``, ``1.2 MB``, ``13.1 GB``."""
    if n_bytes < 1e6:
        return f"{n_bytes / 1e3:.0f} kB"
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes < 1e9 else f"{n_bytes / 1e9:.1f} GB"
