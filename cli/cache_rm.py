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
    from ucls.wording import count, size

    paths = choose_caches(names, all_caches=all_caches, cache_dir=cache_dir)
    if paths and not yes:
        _ask(paths, all_caches=all_caches)
    freed = 0
    for path in paths:
        n_bytes = remove_cache(path)
        freed += n_bytes
        print(f"removed {path} ({size(n_bytes)})")
    print(f"{count(len(paths), 'cache')} removed, {size(freed)} ({freed:,} bytes) freed")


def _ask(paths: list[Path], *, all_caches: bool) -> None:
    from ucls.errors import UclsError, UsageError
    from ucls.wording import count

    if sys.stdin.isatty():
        which = f"all {count(len(paths), 'cache')}" if all_caches else ", ".join(map(str, paths))
        if not _agrees(f"Remove {which}?"):
            raise UclsError("nothing was removed")
    elif all_caches:
        raise UsageError(
            f"--all would remove {count(len(paths), 'cache')}: pass --yes too, or name some"
        )


def _agrees(question: str) -> bool:
    try:
        return typer.confirm(question)
    except typer.Abort:  # Ctrl-C, or the end of the input
        return False
