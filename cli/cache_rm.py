"""``ucls cache rm``: remove feature caches."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ucls.cli import options as opt
from ucls.cli.cache_verify import AllCaches, CacheNames

EXAMPLE = "ucls cache rm digits-train"

Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask before --all.")]


def command(
    names: CacheNames = None,
    *,
    all_caches: AllCaches = False,
    yes: Yes = False,
    cache_dir: opt.CacheDir = None,
) -> None:
    """Remove feature caches, finished or not, with everything beside them."""
    from ucls.cache import remove_cache
    from ucls.cli.cache_verify import choose_caches
    from ucls.cli.sizes import count, format_size

    paths = choose_caches(names, all_caches=all_caches, cache_dir=cache_dir)
    if paths and not yes:
        _ask(paths, all_caches=all_caches)
    freed = 0
    for path in paths:
        n_bytes = remove_cache(path)
        freed += n_bytes
        print(f"removed {path} ({format_size(n_bytes)})")
    print(f"{count(len(paths), 'cache')} removed, {format_size(freed)} ({freed:,} bytes) freed")


def _ask(paths: list[Path], *, all_caches: bool) -> None:
    from ucls.cli.sizes import count
    from ucls.errors import UsageError

    if sys.stdin.isatty():
        which = f"all {count(len(paths), 'cache')}" if all_caches else ", ".join(map(str, paths))
        try:
            agreed = typer.confirm(f"Remove {which}?")
        except typer.Abort:
            agreed = False
        if not agreed:
            print("nothing was removed")
            raise typer.Exit(1)
    elif all_caches:
        raise UsageError(
            f"--all would remove {count(len(paths), 'cache')}: pass --yes too, or name some"
        )
