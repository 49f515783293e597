"""``ucls cache info``: all about one feature cache."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ucls.cli import options as opt

if TYPE_CHECKING:
    from ucls.cache import CacheEntry, FeatureCache

EXAMPLE = "ucls cache info digits-train"

CacheName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="A file name from `cache ls`, its beginning, or a path."),
]


def command(name: CacheName, *, cache_dir: opt.CacheDir = None) -> None:
    """Show everything about a feature cache, and how to read it in Python."""
    from rich.markup import escape
    from rich.table import Table

    from ucls.cache.features.catalog import describe_cache, find_cache
    from ucls.cli.console import new_console
    from ucls.errors import UsageError

    entry = describe_cache(find_cache(name, cache_dir))
    if entry.problem:
        raise UsageError(entry.problem)
    table = Table("", "", show_header=False, show_edge=False, pad_edge=False)
    table.columns[1].overflow = "fold"
    for heading, text in _rows(entry):
        table.add_row(heading, escape(text))
    new_console().print(table)
    if entry.is_finished:
        print("\nIn Python:")
        print("from ucls.cache import FeatureCache")
        print(f'features = FeatureCache({str(entry.path.resolve())!r}).read("cls")')
    else:
        print("\nnot finished: `ucls extract` goes on with it")


def _rows(entry: "CacheEntry") -> Iterator[tuple[str, str]]:
    from ucls.cache import FeatureCache
    from ucls.cli.cache_ls import state
    from ucls.wording import size

    yield "file", str(entry.path)
    yield "state", state(entry)
    yield "size", size(entry.n_bytes)
    yield "images", f"{entry.n_images:,}"
    if entry.is_finished:
        with FeatureCache(entry.path) as cache:
            yield from _contents(cache)
    for name, value in asdict(entry.spec).items() if entry.spec else ():
        texts = map(str, value if isinstance(value, tuple) else (value,))
        yield name, ", ".join(texts) or "none"


def _contents(cache: "FeatureCache") -> Iterator[tuple[str, str]]:
    yield "rows", f"{len(cache):,}"
    skipped, class_names = cache.skipped, cache.class_names()
    yield "skipped", f"{len(skipped)}"
    for path, reason in skipped:
        yield "", f"{path}: {reason}"
    if class_names:
        more = ", ..." if len(class_names) > 10 else ""
        yield "classes", f"{len(class_names)}: {', '.join(class_names[:10])}{more}"
    else:
        yield "labels", "none" if cache.labels() is None else "known, without names"
    widths = (f"{name} ({cache.width(name)})" for name in cache.feature_sets)
    yield "feature sets", ", ".join(widths)
    for name, value in cache.provenance.items():
        yield f"made from: {name}", "none" if value is None else str(value)
