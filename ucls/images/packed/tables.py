"""Images in tables of Arrow, as Hugging Face's ``datasets`` saves them."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ucls.errors import UsageError
from ucls.images.columns import LABELS
from ucls.images.feature_labels import encode
from ucls.images.feature_readers.stored import named_damage, needed
from ucls.images.feature_readers.tables import Table, open_parquet, read_labels
from ucls.images.files import UnreadableImageError, read_image
from ucls.images.packed.contents import PackedImages
from ucls.images.sets import NO_LABEL, NamedLabels

_BYTES = "bytes"
_METADATA = b"huggingface"


@dataclass(frozen=True)
class TableReader:
    """Reads images out of tables.

    Attributes:
        tables: the files.
        starts: int64 [tables + 1], the first row of each.
        column: where the images are.
    """

    tables: tuple[Path, ...]
    starts: NDArray[np.int64]
    column: str

    def __call__(self, index: int) -> Image.Image:
        """Returns one picture of mode ``RGB``."""
        number = int(np.searchsorted(self.starts, index, side="right")) - 1
        row = index - int(self.starts[number])
        path = self.tables[number]
        try:
            with _ONE_AT_A_TIME:
                table = _opened(path, path.stat().st_mtime_ns, os.getpid())
                value = table.read([self.column], slice(row, row + 1)).column(0)[0].as_py()
        except (OSError, UsageError, IndexError) as error:
            raise UnreadableImageError(str(error)) from error
        if value is None or value[_BYTES] is None:
            raise UnreadableImageError("the table holds no picture in this row")
        return read_image(value[_BYTES])


# What reads a table is not made for several threads, nor for the processes that come after.
_ONE_AT_A_TIME = Lock()


@lru_cache(maxsize=4)
def _opened(path: Path, _time: int, _process: int) -> Table:
    return _open(path)


def has_images(path: Path) -> bool:
    """Whether a Parquet file has a column of images.

    Raises:
        UsageError: if it is damaged, or pyarrow is not installed.
    """
    return bool(_image_columns(open_parquet(path).schema))


def open_tables(
    tables: Sequence[Path], names: Sequence[str], *, column: str | None = None
) -> PackedImages:
    """Lists the images in tables, one per row; only their labels are read.

    Args:
        tables: Parquet files, or those of ``save_to_disk``.
        names: what each is called.
        column: where the images are; None where only one column holds images.

    Raises:
        UsageError: if one cannot be read, or it is not clear which column is meant.
    """
    opened = [_open(path) for path in tables]
    columns = {_chosen(table, column) for table in opened}
    if len(columns) > 1:
        raise UsageError(
            f"the images of {tables[0]} and the others are in different columns, "
            f"{' and '.join(sorted(columns))}: give tables of one kind"
        )
    starts = np.concatenate([[0], np.cumsum([len(table) for table in opened])]).astype(np.int64)
    paths = [
        f"{name}/{row:0{len(str(len(table) - 1))}d}"
        for name, table in zip(names, opened, strict=True)
        for row in range(len(table))
    ]
    reader = TableReader(tuple(tables), starts, columns.pop())
    return PackedImages(paths, _labels(opened), reader)


def _open(path: Path) -> Table:
    return open_parquet(path) if path.suffix.lower() == ".parquet" else _open_stream(path)


def _open_stream(path: Path) -> Table:
    arrow = needed("pyarrow", "Arrow")
    with named_damage(path):
        file = arrow.ipc.open_stream(arrow.memory_map(str(path)))
        batches = list(file)  # mapped into memory, not read
    return Table(
        path,
        file.schema,
        n_rows=[batch.num_rows for batch in batches],
        read_part=lambda part, names: arrow.Table.from_batches([batches[part].select(list(names))]),
    )


def _image_columns(schema: Any) -> list[str]:
    """The columns of structures with the bytes of a file, as ``datasets`` keeps images."""
    types = needed("pyarrow", "Parquet").types
    return [
        field.name
        for field in schema
        if types.is_struct(field.type)
        and field.type.get_field_index(_BYTES) >= 0
        and (
            types.is_binary(field.type.field(_BYTES).type)
            or types.is_large_binary(field.type.field(_BYTES).type)
        )
    ]


def _chosen(table: Table, column: str | None) -> str:
    columns = _image_columns(table.schema)
    if column is None and len(columns) == 1:
        return columns[0]
    if column in columns:
        return str(column)
    found = ", ".join(columns) or "none"
    raise UsageError(
        f"expected a column of images in {table.path}, got {found}: "
        f"{'choose one with --array NAME' if columns else 'give a table that has one'}"
    )


def _labels(tables: Sequence[Table]) -> NamedLabels:
    types = needed("pyarrow", "Parquet").types
    schema = tables[0].schema
    names = [
        name
        for name in LABELS
        if name in schema.names and not types.is_nested(schema.field(name).type)
    ]
    if not names:
        return None, ()
    values = np.concatenate([read_labels(table, names[0]) for table in tables])
    class_names = _class_names(schema, names[0])
    if not class_names or values.dtype.kind not in "iu":
        return encode(tables[0].path, values, len(values))
    if values.max(initial=NO_LABEL) >= len(class_names) or values.min(initial=0) < NO_LABEL:
        raise UsageError(
            f"expected labels below {len(class_names)} in {tables[0].path}, as it names so many "
            f"classes, got {values.min()} to {values.max()}: save the table again"
        )
    return values.astype(np.int32), class_names


def _class_names(schema: Any, column: str) -> tuple[str, ...]:
    """The names that ``datasets`` keeps for numbered classes; none if it does not."""
    try:
        features = json.loads((schema.metadata or {})[_METADATA])["info"]["features"]
        return tuple(map(str, features[column]["names"]))
    except (KeyError, TypeError, ValueError):
        return ()
