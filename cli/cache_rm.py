"""``ucls cache rm``: remove feature caches."""

import sys
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
    verbose: opt.Verbose = False,
) -> None:
    """Remove feature caches, finished or not, with everything beside them."""
    from ucls.cache import remove_cache
    from ucls.cli.cache_verify import choose_caches
    from ucls.cli.sizes import count, format_size

    paths = choose_caches(names, all_caches=all_caches, cache_dir=cache_dir)
    if all_caches and paths and not yes:
        _ask(len(paths))
    freed = 0
    for path in paths:
        n_bytes = remove_cache(path)
        freed += n_bytes
        print(f"removed {path} ({format_size(n_bytes)})")
    print(f"{count(len(paths), 'cache')} removed, {format_size(freed)} ({freed:,} bytes) freed")


def _ask(n_caches: int) -> None:
    from ucls.cli.sizes import count
    from ucls.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError(
            f"--all would remove {count(n_caches, 'cache')}: pass --yes too, or name some"
        )
    if not typer.confirm(f"Remove all {count(n_caches, 'cache')}?"):
        raise typer.Exit(1)
