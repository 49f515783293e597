"""``ucls cache ls``: which feature caches there are."""

import time
from typing import TYPE_CHECKING

from ucls.cli import options as opt

if TYPE_CHECKING:
    from ucls.cache import CacheEntry

EXAMPLE = "ucls cache ls"

ROOMY, WIDE = 140, 250
IN_THE_NAME = ("dataset", "split", "backbone")
NUMBERS = ("px", "images", "views", "size")


def command(cache_dir: opt.CacheDir = None) -> None:
    """List the feature caches: what they hold, their size, and whether they are complete."""
    from ucls.cache import cache_directory, list_caches
    from ucls.cli.sizes import count, format_size

    entries = list_caches(cache_dir)
    if not entries:
        print(f"no feature caches in {cache_directory(cache_dir)}; make one: ucls extract digits")
        return
    _print_table(entries)
    for entry in entries:
        if entry.problem:
            print(f"problem: {entry.problem}")
    total = format_size(sum(entry.n_bytes for entry in entries))
    print(f"\n{count(len(entries), 'cache')}, {total} in {cache_directory(cache_dir)}")


def _print_table(entries: "list[CacheEntry]") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console.width = WIDE  # one line per cache, whatever its name
    rows = [_cells(entry) for entry in entries]
    if console.width < ROOMY:  # the name tells these too
        rows = [{name: row[name] for name in row if name not in IN_THE_NAME} for row in rows]
    table = Table(show_edge=False, pad_edge=False)
    for name in rows[0]:
        is_text = name in ("name", *IN_THE_NAME)
        table.add_column(
            name,
            overflow="fold",
            no_wrap=not is_text,
            justify="right" if name in NUMBERS else "left",
        )
    for row in rows:
        table.add_row(*row.values())
    console.print(table)


def _cells(entry: "CacheEntry") -> dict[str, str]:
    from ucls.cache.features.spec import size_text
    from ucls.cli.sizes import format_size

    spec = entry.spec
    return {
        "name": entry.path.name,
        "dataset": spec.dataset if spec else "",
        "split": spec.split if spec else "",
        "backbone": spec.backbone if spec else "",
        "px": size_text(spec.image_size) if spec else "",
        "images": f"{entry.n_images:,}" if spec else "",
        "views": str(spec.n_views) if spec else "",
        "size": format_size(entry.n_bytes),
        "written": time.strftime("%Y-%m-%d", time.localtime(entry.modified)),
        "state": state(entry),
    }


def state(entry: "CacheEntry") -> str:
    """``complete``, how far an unfinished cache is, or ``damaged``."""
    if entry.problem:
        return "damaged"
    return "complete" if entry.is_finished else f"{100 * entry.n_seen // entry.n_images} %"
