"""What is wrong with settings, in words."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ucls.errors import UsageError

Settings = TypeVar("Settings", bound=BaseModel)

IN_WORDS = {
    "a valid tuple": "a list in brackets such as [1, 2]",
    "a valid boolean": "true or false",
}
"""What pydantic expects, as it is written in TOML."""


def read_with_options(
    values: Mapping[str, Any], section: type[Settings], own: type[BaseModel]
) -> Settings:
    """Reads settings of which some are heeded by one method alone.

    Args:
        values: names to values; None where nothing is given.
        section: of the settings; its ``options`` take what only the method heeds.
        own: the section of these options.

    Raises:
        UsageError: with every wrong name and value at once.
    """
    given = {name: value for name, value in values.items() if value is not None}
    options = dict(given.pop("options", {}))
    options |= {name: given.pop(name) for name in list(given) if name in own.model_fields}
    names = [name for name in section.model_fields if name != "options"]
    problems = _problems(section, given, [*names, *own.model_fields])
    problems += _problems(own, options, list(own.model_fields))
    if problems:
        raise UsageError("; ".join(problems))
    return section.model_validate({**given, "options": options})


def _problems(section: type[BaseModel], values: Mapping[str, Any], names: list[str]) -> list[str]:
    try:
        section.model_validate(values)
    except ValidationError as error:
        return tell_problems(error, names)
    return []


def tell_problems(error: ValidationError, names: Sequence[str]) -> list[str]:
    """Tells everything that is wrong, a line for each setting.

    Args:
        error: what pydantic found.
        names: the dotted names of all settings.
    """
    by_setting: dict[str, list[Mapping[str, Any]]] = {}
    for problem in error.errors():
        by_setting.setdefault(_setting_name(problem["loc"], names), []).append(problem)
    return [_tell_setting(name, found, names) for name, found in by_setting.items()]


def _tell_setting(name: str, found: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """What came, and what was expected; a setting that is a union has a problem for each member."""
    first = found[0]
    if first["type"] == "extra_forbidden":
        sections = dict.fromkeys(name.partition(".")[0] for name in names if "." in name)
        near = difflib.get_close_matches(name, [*sections, *names], n=1)
        return f"{name}: no such setting" + (f"; did you mean {near[0]}?" if near else "")
    if first["type"] == "value_error":
        return f"{name}: {first['msg'].removeprefix('Value error, ')}"
    messages = list(dict.fromkeys(problem["msg"] for problem in found))
    expected = " or ".join(message[0].lower() + message[1:] for message in messages)
    # The end of such a message says once more what is expected.
    expected = re.sub(r"(should be a valid \w+), (?:unable|got)\b.*?(?= or |$)", r"\1", expected)
    for kind, plain in IN_WORDS.items():
        expected = expected.replace(kind, plain)
    return f"{name}: {expected}, but it is {first['input']!r}"


def _setting_name(location: Sequence[str | int], names: Sequence[str]) -> str:
    """The dotted name in a pydantic location, which goes on into unions and tuples."""
    path = [str(part) for part in location]
    prefixes = (".".join(path[:depth]) for depth in (1, 2))
    return next((prefix for prefix in prefixes if prefix in names), ".".join(path))
