"""Options of consensus methods: which values they take, and how these are checked."""

from dataclasses import dataclass
from math import inf
from numbers import Integral, Real
from typing import Any

from ucls.errors import UsageError


@dataclass(frozen=True)
class Flag:
    """Yes or no: whatever is true or false."""

    expected = "true or false"

    def take(self, value: Any) -> bool:
        """Returns the value as a method takes it."""
        return bool(value)


@dataclass(frozen=True)
class Choice:
    """One of some names."""

    names: tuple[str, ...]

    @property
    def expected(self) -> str:
        """Says which values there are."""
        return f"one of {', '.join(self.names)}"

    def take(self, value: Any) -> str | None:
        """Returns the value as a method takes it; None if it is none of the names."""
        return next((name for name in self.names if name == value), None)


@dataclass(frozen=True)
class Number:
    """A number within bounds.

    Attributes:
        type: whole numbers, or all.
        lowest: the least that it may be, or what it must exceed if it is ``open_below``.
        highest: the most that it may be.
        open_below: whether ``lowest`` itself is too low.
    """

    type: type[int] | type[float]
    lowest: float = -inf
    highest: float = inf
    open_below: bool = False

    @property
    def expected(self) -> str:
        """Says which values there are."""
        kind = "an integer " if self.type is int else ""
        if self.open_below:
            return f"{kind}above {self.lowest:g} and at most {self.highest:g}"
        return f"{kind}in {self.lowest:g}..{self.highest:g}"

    def take(self, value: Any) -> float | None:
        """Returns the value as a method takes it; None if it is no such number."""
        is_number = isinstance(value, Integral if self.type is int else Real)
        if not is_number:
            return None
        number = self.type(value)
        fits = number > self.lowest if self.open_below else number >= self.lowest
        return number if fits and number <= self.highest else None


@dataclass(frozen=True)
class Option:
    """What a user may choose of a method; several methods may share it.

    Attributes:
        name: its keyword, the name of its setting and, with dashes, of its option of the command.
        kind: the values that it takes.
        default: None leaves it to the method; settings and the command call that ``auto``.
        help: what it does, in one line.
    """

    name: str
    kind: Flag | Choice | Number
    default: bool | int | float | str | None
    help: str

    def check(self, value: Any) -> Any:
        """Returns the value as the method takes it.

        Raises:
            UsageError: if it is none of those that there are.
        """
        if value is None and self.default is None:
            return None
        taken = self.kind.take(value)
        if taken is None:
            none = "None or " if self.default is None else ""
            todo = "choose one of these" if isinstance(self.kind, Choice) else f"change {self.name}"
            raise UsageError(
                f"{self.name} must be {none}{self.kind.expected}, got {value!r}: {todo}"
            )
        return taken
