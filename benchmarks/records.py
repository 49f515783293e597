"""Records of what was measured: a dataclass each, kept as one JSON file."""

import json
import shlex
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from benchmarks.machine import machine_facts
from ucls.cache import check_output, write_json
from ucls.errors import UsageError

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Record:
    """What every record tells of its origin.

    Attributes:
        command: the command line that made it.
        machine: from :func:`benchmarks.machine.machine_facts`.
        measured: when, in UTC.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    made_by: ClassVar[str]
    """The command that makes such records, such as ``speed``."""

    command: str
    machine: dict[str, Any]
    measured: str


Kind = TypeVar("Kind", bound=Record)


def made_here() -> dict[str, Any]:
    """The origin of a record that this process makes now, by the fields of :class:`Record`."""
    measured = datetime.now(UTC).isoformat(timespec="seconds")
    return {"command": command_line(), "machine": machine_facts(), "measured": measured}


def command_line() -> str:
    """The command that this process was started with."""
    return shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])


def check_record(path: Path | None) -> None:
    """Checks, before anything long, that a record may go to a path; UsageError if it may not."""
    if path is not None:
        check_output(path, is_own=is_record)


def is_record(path: Path) -> bool:
    """Whether a file holds a record of any kind."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and {"schema", "command", "machine"} <= content.keys()


def write_record(path: Path, record: Record) -> None:
    """Writes a record as JSON, atomically; UclsError if it holds NaN or the disk is full."""
    content = TypeAdapter(type(record)).dump_python(record, mode="json")
    write_json(path, {"schema": SCHEMA, **content})


def read_record(path: Path, kind: type[Kind]) -> Kind:
    """Reads what :func:`write_record` wrote; UsageError if the file holds anything else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        schema = content.pop("schema", None) if isinstance(content, dict) else None
        if schema in (None, SCHEMA):
            return TypeAdapter(kind).validate_python(content)
        found = f"schema {schema}"
    except FileNotFoundError:
        found = "no such file"
    except ValidationError:
        found = "something else"
    except OSError as error:
        found = f"nothing ({error.strerror})"
    except ValueError as error:
        found = f"no JSON ({error})"
    command = f"python -m benchmarks {kind.made_by}"
    raise UsageError(
        f"expected a record of `{command}` of schema {SCHEMA} in {path}, got {found}: give "
        "another file, or make this one anew with that command"
    )
