"""Corrections as a list of edits, each made to what those before it left: ``corrections.toml``."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ucls.cache import atomic_write
from ucls.errors import UnreadableError, UsageError
from ucls.wording import cause

LONGEST_NAME = 4_000
"""Characters of a cluster's name."""
MOST_CLUSTERS = 100_000
KINDS = "expected do = rename, merge, split, move, wrong or done"

ClusterNumber = Annotated[int, Field(ge=0, lt=MOST_CLUSTERS)]
Name = Annotated[str, Field(max_length=LONGEST_NAME)]
ImageId = Annotated[int, Field(ge=0)] | str
"""The path of an image, or its row in ``labels.csv``, counted from 0."""


class _Edit(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Rename(_Edit):
    """Gives a cluster a name; an empty one takes it away."""

    do: Literal["rename"] = "rename"
    cluster: ClusterNumber
    name: Name


class Merge(_Edit):
    """Puts all images of some clusters into another one."""

    do: Literal["merge"] = "merge"
    clusters: tuple[ClusterNumber, ...] = Field(min_length=1, strict=False)
    into: ClusterNumber


class Split(_Edit):
    """Takes a part of a cluster out into a new one.

    The part is what lies in some leaves of the merge tree: clusters that were merged into others.
    Without leaves, the smaller side of the tree.
    """

    do: Literal["split"] = "split"
    cluster: ClusterNumber
    into: ClusterNumber | None = None
    leaves: tuple[int, ...] = Field(default=(), strict=False)


class Move(_Edit):
    """Puts some images into another cluster, perhaps a new one."""

    do: Literal["move"] = "move"
    images: tuple[ImageId, ...] = Field(min_length=1, strict=False)
    into: ClusterNumber


class Wrong(_Edit):
    """Takes some images out of every cluster."""

    do: Literal["wrong"] = "wrong"
    images: tuple[ImageId, ...] = Field(min_length=1, strict=False)


class Done(_Edit):
    """Marks a cluster as looked through, or not."""

    do: Literal["done"] = "done"
    cluster: ClusterNumber
    done: bool = True


Edit = Annotated[Rename | Merge | Split | Move | Wrong | Done, Field(discriminator="do")]


class Corrections(BaseModel):
    """All that was corrected of the labels of one run.

    Attributes:
        schema_version: of the file, where it is called ``schema``.
        labels: the fingerprint of the labels as found; empty where it is not known.
        edits: in the order in which they were made.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_version: Literal[1] = Field(default=1, alias="schema")
    labels: str = ""
    edits: tuple[Edit, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """What JSON and TOML can hold."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def read_corrections(path: Path) -> Corrections:
    """Reads a file of corrections.

    Raises:
        UsageError: if it is missing, no TOML, or holds what is no edit; it names the first.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"there is no file {path}; download corrections.toml from the report, or write one"
        ) from None
    except OSError as error:
        raise UnreadableError(f"cannot read {path}: {cause(error) or error}") from error
    except ValueError as error:  # no UTF-8, or no TOML
        raise UsageError(f"{path} is not valid TOML: {error}") from error
    if not values:  # as after a download that failed
        raise UsageError(f"{path} is empty; to restore what was found, write: edits = []")
    return parse_corrections(values, path)


def parse_corrections(values: Any, origin: object) -> Corrections:
    """Checks corrections that were read from somewhere.

    Args:
        values: what JSON or TOML held.
        origin: named in errors.

    Raises:
        UsageError: naming the first thing that is wrong.
    """
    try:
        return Corrections.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{origin}: {_where(first['loc'])}{_what(first)}") from None


def _where(location: tuple[int | str, ...]) -> str:
    match location:
        case ("edits", int(number), *rest):
            # What follows the number is first the kind of the edit.
            field = ".".join(map(str, rest[1:]))
            return f"edit {number + 1}: {field + ': ' if field else ''}"
        case _:
            return f"{'.'.join(map(str, location))}: "


def _what(problem: Any) -> str:
    match problem["type"]:
        case "extra_forbidden":
            return "is not known here; remove it, or check its spelling"
        case "missing":
            return "is missing; add it"
        case "union_tag_invalid":
            return f"{KINDS}, got {problem['ctx']['tag'][:80]!r}"
        case "union_tag_not_found":
            return f"{KINDS}, got an edit without do"
    message = str(problem["msg"])
    return f"{message[0].lower()}{message[1:]}, got {str(problem['input'])[:80]!r}"


def write_corrections(path: Path, corrections: Corrections) -> None:
    """Writes a file of corrections, atomically.

    Raises:
        UclsError: when the disk does not take it.
    """
    with atomic_write(path) as partial:
        partial.write_text(tomli_w.dumps(corrections.as_json()), encoding="utf-8")
