"""``ucls cache ls``: which feature caches there are."""

import time
from typing import TYPE_CHECKING

from ucls.cli import options as opt

if TYPE_CHECKING:
    from ucls.cache import CacheEntry

EXAMPLE = "ucls cache ls"

NUMBERS = ("px", "images", "views", "size")
LEAST_NEEDED = (("dataset", "split", "backbone"), ("views",), ("px",), ("written",), ("images",))
"""What the name tells too comes first."""


def command(cache_dir: opt.CacheDir = None) -> None:
    """List the feature caches: what they hold, their size, and whether they are complete."""
    from ucls.cache import cache_directory, list_caches
    from ucls.cli.console import print_table
    from ucls.wording import count, size

    entries = list_caches(cache_dir)
    if not entries:
        print(f"no feature caches in {cache_directory(cache_dir)}; make one: ucls extract digits")
        return
    print_table([_cells(entry) for entry in entries], LEAST_NEEDED, numbers=NUMBERS, narrowest=30)
    for entry in entries:
        if entry.problem:
            print(f"problem: {entry.problem}")
    total = size(sum(entry.n_bytes for entry in entries))
    print(f"\n{count(len(entries), 'cache')}, {total} in {cache_directory(cache_dir)}")


def _cells(entry: "CacheEntry") -> dict[str, str]:
    from ucls.cache.features.spec import size_text
    from ucls.wording import size

    spec = entry.spec
    return {
        "name": entry.path.name,
        "dataset": spec.dataset if spec else "",
        "split": spec.split if spec else "",
        "backbone": spec.backbone if spec else "",
        "px": size_text(spec.image_size) if spec else "",
        "images": f"{entry.n_images:,}" if spec else "",
        "views": str(spec.n_views) if spec else "",
        "size": size(entry.n_bytes),
        "written": time.strftime("%Y-%m-%d", time.localtime(entry.modified)),
        "state": state(entry),
    }


def state(entry: "CacheEntry") -> str:
    """``complete``, how far an unfinished cache is, or ``unreadable``."""
    if entry.problem:
        return "unreadable"
    return "complete" if entry.is_finished else f"{100 * entry.n_seen // entry.n_images} %"
