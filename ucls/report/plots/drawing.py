"""Figures on their way into a folder, each as PNG and SVG."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ucls.cache import atomic_write, check_output, read_json, write_json
from ucls.errors import UsageError
from ucls.progress import Reporter
from ucls.runs.catalog import run_files

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = "plots"
RECORD = "plots.json"
MADE_BY = "ucls plot"


class LeftOut(Exception):  # noqa: N818 - says why there is no figure, which is no error
    """Why there is nothing that a figure could show."""


class Plots(NamedTuple):
    """What was drawn."""

    folder: Path
    files: list[Path]
    """A PNG and an SVG of each figure."""
    notes: dict[str, str]
    """By figure what is to be said of it, such as that it shows a sample."""
    left_out: dict[str, str]
    """By figure why it was not drawn."""


class Drawn(NamedTuple):
    """A figure, and what is to be said of it."""

    figure: "Figure"
    note: str = ""


Draw = Callable[[], Drawn]


def draw_all(
    folder: Path,
    figures: Mapping[str, Draw],
    *,
    facts: Mapping[str, Any],
    inputs: Iterable[Path],
    overwrite: bool,
    reporter: Reporter,
) -> Plots:
    """Draws figures, and ``plots.json``, which tells its files from those of others.

    Args:
        folder: where to write.
        figures: by name; those that raise :class:`LeftOut` are left out.
        facts: what ``plots.json`` says of them.
        inputs: files that are never replaced.
        overwrite: replace files there that this did not write, or that were changed since.
        reporter: shown what happens.

    Raises:
        UsageError: if files there may not be replaced.
        UclsError: if the disk does not take a figure.
    """
    from ucls.report.plots.style import FORMATS, house_style, save_figure

    _check(folder, figures, inputs, overwrite=overwrite)
    plots = Plots(folder, [], {}, {})
    digests: dict[str, str] = {}
    with reporter.track("plot", len(figures), "figures") as advance, house_style():
        for name, draw in figures.items():
            try:
                drawn = draw()
            except LeftOut as reason:
                plots.left_out[name] = str(reason)
                advance()
                continue
            if drawn.note:
                plots.notes[name] = drawn.note
            for kind in FORMATS:
                target = folder / f"{name}.{kind}"
                with atomic_write(target) as partial:
                    save_figure(drawn.figure, partial, kind)
                    digests[target.name] = _digest(partial)
                    # Before it has its name, so that a stop leaves no file that is taken for
                    # another's.
                    _write_record(folder, facts, digests, replaces=target)
                _write_record(folder, facts, digests)
                plots.files.append(target)
            advance()
    return plots


def _check(
    folder: Path, figures: Iterable[str], inputs: Iterable[Path], *, overwrite: bool
) -> None:
    """Checks all files at once, before the first is written."""
    from ucls.report.plots.style import FORMATS

    if folder.exists() and not folder.is_dir():
        raise UsageError(f"expected a folder for the plots, got the file {folder}: choose another")
    written = _written(folder)

    def is_own(path: Path) -> bool:
        return (path.name, _digest(path)) in written

    is_own_by_name = {RECORD: _is_record}
    is_own_by_name |= {f"{name}.{kind}": is_own for name in figures for kind in FORMATS}
    # Of a million images only those are compared that one of the files could be.
    protected = [file for file in inputs if file.name in is_own_by_name]
    for name, test in is_own_by_name.items():
        check_output(
            folder / name,
            is_own=test,
            overwrite=overwrite,
            protected=protected,
            reserved=run_files(),
        )


def _is_record(path: Path) -> bool:
    try:
        record = read_json(path)
    except UsageError:
        return False
    return (
        isinstance(record, dict)
        and record.get("made_by") == MADE_BY
        and isinstance(record.get("sha256"), dict)
    )


def _record(folder: Path) -> dict[str, dict[str, str]]:
    """What ``plots.json`` says; nothing where there is none."""
    path = folder / RECORD
    found: dict[str, dict[str, str]] = (
        read_json(path) if path.is_file() and _is_record(path) else {}
    )
    return found


def _written(folder: Path) -> set[tuple[str, str]]:
    """Names and digests of the files that were written there before."""
    record = _record(folder)
    return {*record.get("sha256", {}).items(), *record.get("replaced", {}).items()}


def _write_record(
    folder: Path,
    facts: Mapping[str, Any],
    digests: Mapping[str, str],
    *,
    replaces: Path | None = None,
) -> None:
    replaced = replaces if replaces is not None and replaces.is_file() else None
    content = {
        "made_by": MADE_BY,
        **facts,
        "sha256": {**_record(folder).get("sha256", {}), **digests},
        "replaced": {replaced.name: _digest(replaced)} if replaced else {},
    }
    write_json(folder / RECORD, content)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
