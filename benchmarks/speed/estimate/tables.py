"""The tables of an estimate, in Markdown."""

from collections.abc import Iterable, Sequence

from benchmarks.accuracy.markdown import format_table
from benchmarks.speed.estimate.arrays import Array
from benchmarks.speed.estimate.cases import Case
from benchmarks.speed.estimate.rows import TimeRow, total_with_device
from benchmarks.speed.estimate.units import duration, size

TIME_HEADINGS = (
    "stage", "here, by slope", "factor", "device, products alone", "device, with what moves",
)  # fmt: skip
ON_CPU = "CPU, as here"


def time_table(case: Case, rows: Sequence[TimeRow], others: Iterable[Sequence[TimeRow]]) -> str:
    """Every stage, here and on the device, and the sums.

    Args:
        case: the size.
        rows: of its first number of epochs.
        others: of each further one, of which the training is shown.
    """
    first, *further = case.epochs
    cells = [_time_cells(row, _name(row, first)) for row in rows]
    here = sum(row.here.value for row in rows)
    products = sum(row.here.value if row.products is None else row.products for row in rows)
    device = total_with_device(rows)
    sums = ["**all**", duration(here), "", duration(products), duration(device)]
    instead = [
        _time_cells(row, f"instead: {_name(row, epochs)}")
        for epochs, other in zip(further, others, strict=True)
        for row in other
        if row.stage == "train"
    ]
    return format_table(TIME_HEADINGS, [*cells, sums, *instead]).rstrip()


def _name(row: TimeRow, epochs: int) -> str:
    return f"train, {epochs} epochs" if row.stage == "train" else row.stage


def _time_cells(row: TimeRow, name: str) -> list[str]:
    return [
        name,
        duration(row.here.value),
        f"{row.here.factor:.2f}",
        ON_CPU if row.products is None else duration(row.products),
        ON_CPU if row.device is None else duration(row.device),
    ]


def array_table(arrays: Iterable[Array], *, where: str) -> str:
    """What takes room, and how it is counted."""
    rows = [[array.what, array.how, size(array.n_bytes)] for array in arrays]
    return format_table((where, "counted as", "size"), rows, n_left=2).rstrip()
