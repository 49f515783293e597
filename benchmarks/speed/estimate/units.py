"""Times and sizes for people."""

TIMES = ((365.25 * 86_400, "years"), (86_400, "days"), (3600, "h"), (60, "min"), (1, "s"))
SIZES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def duration(seconds: float) -> str:
    """Writes a time in the largest unit that it holds two of, with two or three digits."""
    for unit, name in TIMES:
        if seconds >= 2 * unit:
            return f"{digits(seconds / unit)} {name}"
    return f"{seconds:.2f} s"


def size(n_bytes: float) -> str:
    """Writes a size in the largest unit that it holds one of, powers of 1,000."""
    for unit, name in SIZES:
        if n_bytes >= unit:
            return f"{digits(n_bytes / unit)} {name}"
    return f"{n_bytes:.0f} B"


def digits(value: float) -> str:
    """Two digits, or all before the point."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
