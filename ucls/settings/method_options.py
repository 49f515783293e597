"""The options of consensus methods as settings."""

from functools import cache
from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import Field

from ucls.ensemble.options import Choice, Flag, Number, Option

AUTO = "auto"
"""What settings call a value that is left to the method."""


@cache
def setting_field(option: Option) -> tuple[Any, Any]:
    """The type and the default of an option's setting."""
    kind = setting_type(option.kind)
    return (kind, option.default) if option.default is not None else (kind | Literal["auto"], AUTO)


def setting_type(kind: Flag | Choice | Number) -> Any:
    """The type of a setting that takes what an option of this kind does."""
    match kind:
        case Flag():
            return bool
        case Choice(names):
            return literal(names)
        case Number(number, lowest, highest, open_below):
            bounds: dict[str, Any] = {"gt" if open_below else "ge": lowest, "le": highest}
            finite = {name: bound for name, bound in bounds.items() if isfinite(bound)}
            return Annotated[number, Field(**finite)]


def literal(names: tuple[str, ...]) -> Any:
    """The type of a setting that takes these names."""
    of: Any = Literal
    return of[names]


def option_value(option: Option, setting: Any) -> Any:
    """The setting as :func:`ucls.ensemble.consensus` takes it."""
    return None if option.default is None and setting == AUTO else setting
