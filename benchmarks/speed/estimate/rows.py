"""The time of every stage of a case, here and on a device."""

from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.speed.estimate.cases import Case
from benchmarks.speed.estimate.device import Device
from benchmarks.speed.estimate.extrapolation import (
    Extrapolated,
    extrapolate,
    extrapolate_self_training,
)
from benchmarks.speed.estimate.operations import ON_DEVICE, stage_operations
from benchmarks.speed.growth.records import GrowthRecord
from benchmarks.speed.growth.works import WORKS
from ucls.metrics.baselines import SAMPLE_PER_CLUSTER


class TimeRow(NamedTuple):
    """One stage of a case."""

    stage: str
    here: Extrapolated
    """On the machine that the growth was measured on, by slope."""
    products: float | None
    """On the device, as if only products took time, by arithmetic; None: runs on the CPU."""
    device: float | None
    """On the device, each operation bound by its products or by what it moves, by arithmetic."""

    @property
    def with_device(self) -> float:
        """Where there is a device: there what can run there, the rest as it is here."""
        return self.here.value if self.device is None else self.device


def time_rows(case: Case, record: GrowthRecord, device: Device, *, epochs: int) -> list[TimeRow]:
    """Every stage that was measured, in the order of a run.

    Args:
        case: the size.
        record: how the stages grow.
        device: what a GPU can do.
        epochs: of the training.

    Raises:
        UsageError: if the growth of a stage was not measured.
    """
    rows = []
    for stage in WORKS:
        if stage == "merge" and not case.merges:
            continue
        here = seconds_here(stage, case, record, epochs=epochs)
        if stage not in ON_DEVICE:
            rows.append(TimeRow(stage, here, None, None))
            continue
        parts = stage_operations(stage, case, epochs=epochs)
        products = sum(n * device.seconds_of_products(operations) for n, operations in parts)
        on_device = sum(n * device.seconds(operations) for n, operations in parts)
        rows.append(TimeRow(stage, here, products, on_device))
    return rows


def seconds_here(stage: str, case: Case, record: GrowthRecord, *, epochs: int) -> Extrapolated:
    """A stage on the machine that the growth was measured on."""
    growth = record.of(stage)
    if stage == "self-train":
        return extrapolate_self_training(growth, case)
    if stage == "train":
        epoch = extrapolate(growth, case.size._replace(n_clusters=case.head_clusters))
        return Extrapolated(epochs * epoch.value, epoch.factor)
    if stage == "evaluate":
        n_fitted_to = min(case.size.n_images, SAMPLE_PER_CLUSTER * case.size.n_clusters)
        return extrapolate(growth, case.size._replace(n_images=n_fitted_to))
    return extrapolate(growth, case.size)


def total_with_device(rows: Sequence[TimeRow]) -> float:
    """The seconds of a run where there is a device."""
    return sum(row.with_device for row in rows)
