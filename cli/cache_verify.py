"""``ucls cache verify``: do feature caches still hold what was extracted?"""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from ucls.cli import options as opt
from ucls.cli.verbosity import chosen_reporter

EXAMPLE = "ucls cache verify digits-train"

CacheNames = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME...", help="File names from `cache ls`, beginnings, or paths."),
]
AllCaches = Annotated[bool, typer.Option("--all", help="All feature caches there are.")]
SampleSize = Annotated[
    int, typer.Option("--sample", min=1, help="Images to extract again per cache.")
]


def command(
    names: CacheNames = None,
    *,
    all_caches: AllCaches = False,
    sample: SampleSize = 8,
    cache_dir: opt.CacheDir = None,
    device: opt.Device = None,
) -> None:
    """Read caches again, compare their images, and extract a sample of rows once more."""
    from ucls.stages.verify import verify
    from ucls.wording import count

    paths = choose_caches(names, all_caches=all_caches, cache_dir=cache_dir)
    reporter = chosen_reporter()
    failed, n_not_possible = [], 0
    for path in paths:
        print(path.name)
        checks = verify(path, n_sample=sample, device=device or "auto", reporter=reporter)
        for check in checks:
            print(f"  {check.name:<12}{check.outcome:<14}{check.reason}")
        if any(check.outcome == "failed" for check in checks):
            failed.append(path)
        n_not_possible += sum(check.outcome == "not possible" for check in checks)
    if failed:
        print("\nWhat failed is not to be relied on; remove it, then run `ucls extract` again:")
        for path in failed:
            print(f"  ucls cache rm {shlex.quote(str(path))}")
        raise typer.Exit(1)
    print(f"\n{count(len(paths), 'cache')}: nothing failed{_left_out(n_not_possible)}")


def _left_out(n_checks: int) -> str:
    from ucls.wording import count

    if not n_checks:
        return ""
    return f", {count(n_checks, 'check')} {'was' if n_checks == 1 else 'were'} not possible"


def choose_caches(
    names: list[str] | None, *, all_caches: bool, cache_dir: Path | None
) -> list[Path]:
    """The caches that a command is for: the named ones, or all there are.

    Raises:
        UsageError: if neither or both are asked for, or a name does not fit one cache.
    """
    from ucls.cache import find_cache, list_caches
    from ucls.errors import UsageError

    if bool(names) == all_caches:
        raise UsageError("expected names of feature caches, or --all; `ucls cache ls` lists them")
    if names:
        return list(dict.fromkeys(find_cache(name, cache_dir) for name in names))
    return [entry.path for entry in list_caches(cache_dir)]
