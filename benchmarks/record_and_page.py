"""A record and the page of it, side by side in a folder, both named like their command."""

from pathlib import Path

from benchmarks.pages import is_page
from benchmarks.records import Record, check_record, write_record
from ucls.cache import atomic_write, check_output


def check_results(out: Path, kind: type[Record], template: Path) -> None:
    """Checks, before anything long, that both may go to a folder; UsageError if they may not."""
    check_record(out / f"{kind.made_by}.json")
    check_output(out / f"{kind.made_by}.md", is_own=is_page(template))


def write_results(out: Path, record: Record, page: str) -> None:
    """Writes both, and shows the page."""
    save_results(out, record, page)
    print(page, end="")


def save_results(out: Path, record: Record, page: str) -> None:
    """Writes both."""
    write_record(out / f"{record.made_by}.json", record)
    with atomic_write(out / f"{record.made_by}.md") as partial:
        partial.write_text(page, encoding="utf-8")
