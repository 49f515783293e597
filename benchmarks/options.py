"""Options that several commands share."""

import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from ucls.errors import UsageError

RESULTS = Path("benchmarks/results")

Seeds = Annotated[int, typer.Option(min=1, help="Runs of each, with a seed of its own.")]
FirstSeed = Annotated[int, typer.Option(min=0, help="The seeds count up from here.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any setting, e.g. train.epochs=50."),
]
DataDir = Annotated[
    Path | None, typer.Option(help="Where datasets known by name lie; default: $UCLS_DATA.")
]
Download = Annotated[
    bool, typer.Option("--download", help="Fetch the dataset into the data folder if it can be.")
]
CacheDir = Annotated[
    Path | None, typer.Option(help="The feature caches; default: $UCLS_CACHE or the user's cache.")
]
RunsDir = Annotated[Path, typer.Option(help="Where the run folders go.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")]
SkipExisting = Annotated[
    bool, typer.Option("--skip-existing", help="Leave out what has a record of these settings.")
]
Json = Annotated[
    Path | None, typer.Option("--json", metavar="FILE.json", help="Where a record goes as well.")
]
Repeats = Annotated[int, typer.Option(min=1, help="Turns that are timed.")]
Count = Annotated[int, typer.Option(min=1, help="How many.")]
Out = Annotated[Path, typer.Option(help="Folder where record, tables and plots go.")]
Images = Annotated[int, typer.Option(min=100, help="Images.")]
Clusters = Annotated[int, typer.Option(min=2, help="Clusters.")]
Width = Annotated[int, typer.Option("--features", min=2, help="Width of the features.")]
Folder = Annotated[
    Path | None,
    typer.Option(
        file_okay=False,
        help="Where to work; features.h5 of an earlier call is used again. Default: for a while, "
        "in the folder for temporary files.",
    ),
]


@contextmanager
def working_folder(folder: Path | None) -> Iterator[tuple[Path, Path]]:
    """Where features go that stay in a given folder, and a folder for all else, for a while."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        work = Path(temporary).resolve()
        yield (folder or work).resolve() / "features.h5", work


def names_of(text: str) -> list[str]:
    """Splits at commas; each name stays once."""
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def choose(text: str, names: Iterable[str], *, what: str) -> list[str]:
    """Some of the names, in their order, or with ``all`` every one; UsageError for others."""
    known, asked = list(names), names_of(text)
    unknown = [name for name in asked if name not in (*known, "all")]
    if unknown or not asked:
        got = f"{unknown[0]}: leave it out" if unknown else f"{text!r}: name some of these"
        raise UsageError(f"expected {what} to be 'all' or some of {', '.join(known)}, got {got}")
    return known if "all" in asked else [name for name in known if name in asked]


def pick(names: Collection[str], known: Collection[str], *, what: str) -> list[str]:
    """The names of an option that is given many times, in their order; UsageError for others."""
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"there is no {what} {unknown[0]!r}; choose some of {'; '.join(known)}")
    return [name for name in known if name in names]


def parse_settings(texts: Iterable[str] | None, *others: str) -> dict[str, Any]:
    """Reads what ``--set`` was given, without others, which have options of their own."""
    from ucls.settings.given import parse_setting

    given = dict(map(parse_setting, texts or ()))
    if wrong := [name for name in others if name in given]:
        raise UsageError(f"{wrong[0]} is not given with --set here: use the option that is there")
    return given
