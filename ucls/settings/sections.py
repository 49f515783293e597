"""What all sections of settings share, and the ranges that numbers are in."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    create_model,
    model_validator,
)


def matching(pattern: str, expected: str) -> AfterValidator:
    """A check that a text is as a regular expression has it, which errors tell in words."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"expected {expected}, but it is {text!r}")
        return text

    return AfterValidator(check)


Count = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Device = Annotated[
    str,
    matching(r"auto|cpu|cuda(:\d+)?", "auto, cpu, cuda, or one of several GPUs such as cuda:1"),
]


class Section(BaseModel):
    """What all sections share: unknown names are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OpenSection(Section):
    """A section that also has the options of what is registered: objectives or methods."""

    model_config = ConfigDict(extra="allow")

    @classmethod
    def registered(cls) -> dict[str, tuple[Any, Any]]:
        """The type and the default of each setting that depends on what is registered."""
        return {}

    @model_validator(mode="before")
    @classmethod
    def _settings_are_known(cls, values: Any) -> Any:
        if cls.model_config.get("extra") == "forbid":
            return values
        given = dict(values) if isinstance(values, Mapping | OpenSection) else values
        if isinstance(given, dict):
            # A setting that is left open may be one of something no longer registered.
            given = {n: v for n, v in given.items() if v is not None or n in cls.model_fields}
        # One model for fields and options finds everything that is wrong at once.
        return dict(_closed(cls, *cls.registered().items()).model_validate(given))


@cache
def _closed(section: type[OpenSection], /, *fields: tuple[str, Any]) -> type[OpenSection]:
    """The section with these fields besides its own, and no others."""
    return create_model(
        section.__name__,
        __base__=section,
        __cls_kwargs__={"extra": "forbid"},
        **dict(fields),
    )
