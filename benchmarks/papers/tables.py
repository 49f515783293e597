"""The tables as they are printed: what the files of ``pretraining/published`` hold."""

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, model_validator

from ucls.settings.sections import Section

FOLDER = Path(__file__).parents[1] / "pretraining" / "published"
METRICS = (
    "acc", "nmi", "ami", "ari", "linear", "linear5", "knn5", "knn20", "knn200", "5-shot", "map",
    "ap", "ap50", "ap75", "miou",
)  # fmt: skip
"""``linear5`` is top-5, ``map`` of the classes of images, ``ap`` of boxes or masks."""

Metric = Annotated[str, Field(pattern=rf"^([\w+.-]+ )*({'|'.join(METRICS)})$")]
"""Behind what it is of, unless that is all the images that were learned from: ``coco box ap``."""
Percent = Annotated[Decimal, Field(ge=0, le=100)]
Setting = bool | int | float | str | tuple[float, ...]


class Row(Section):
    """A line of a table.

    Attributes:
        method: as ``ucls pretrain`` calls it, or as it is printed.
        figures: in percent, with the digits that are printed.
        dataset: that was learned from.
        arch: as ``ucls pretrain`` calls it.
        epochs: of the training.
        settings: of ``ucls pretrain``, where the table tells or varies them.
        remark: what else tells the row from others.
        beyond: what no setting of ours does, so that ours never stands beside the row.
    """

    method: str
    figures: Mapping[Metric, Percent] = Field(min_length=1)
    dataset: str = ""
    arch: str = ""
    epochs: int | None = None
    settings: Mapping[str, Setting] = {}
    remark: str = ""
    beyond: str = ""

    @property
    def facts(self) -> dict[str, str]:
        """What the row is of, in words, by name; all but the method."""
        remarks = ", ".join(filter(None, (self.remark, self.beyond)))
        known = {"dataset": self.dataset, "arch": self.arch, "epochs": self.epochs or ""}
        return {name: in_words(value) for name, value in {**known, **self.settings}.items()} | {
            "remark": remarks
        }


class PaperTable(Section):
    """A table. In the file ``shared`` holds fields of all rows that do not say otherwise."""

    name: str
    title: str
    rows: tuple[Row, ...] = Field(min_length=1)
    notes: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _share(cls, values: dict[str, Any]) -> dict[str, Any]:
        values = dict(values)
        shared = values.pop("shared", {})
        rows = [
            {**shared, **row, "settings": shared.get("settings", {}) | row.get("settings", {})}
            for row in values["rows"]
        ]
        return {**values, "rows": rows}


class Paper(Section):
    """The tables of a paper."""

    title: str
    tables: tuple[PaperTable, ...]


def load_papers() -> dict[str, Paper]:
    """Reads all files, by their stems."""
    read = TypeAdapter(Paper).validate_python
    return {
        # A Decimal keeps a zero at the end.
        path.stem: read(tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal))
        for path in sorted(FOLDER.glob("*.toml"))
    }


def in_words(value: object) -> str:
    """A setting as text; several numbers that are the same are counted."""
    if not isinstance(value, tuple):
        return str(value)
    if len(value) > 1 and len(set(value)) == 1:
        return f"{len(value)} of {value[0]:g}"
    return ", ".join(f"{number:g}" for number in value)
