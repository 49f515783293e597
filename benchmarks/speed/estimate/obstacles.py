"""What stands in the way of a case that is too large for one machine."""

import math
from collections.abc import Iterator

from benchmarks.speed.estimate.arrays import graph_bytes, in_memory
from benchmarks.speed.estimate.cases import Case
from benchmarks.speed.estimate.device import DEVICE_GB
from benchmarks.speed.estimate.rows import TimeRow
from benchmarks.speed.estimate.units import duration, size


def obstacles(case: Case, rows: list[TimeRow]) -> Iterator[str]:
    """A line for each, with the remedy, and what of it UCLS does not have.

    Args:
        case: the size.
        rows: the time of its stages.
    """
    by_stage = {row.stage: row for row in rows}
    arrays = {array.what: array.n_bytes for array in in_memory(case)}
    n_images, _, n_heads, n_features = case.size
    search, train = by_stage["neighbors"], by_stage["train"]
    features = arrays["train: features"]
    n_devices = math.ceil(features / (1e9 * DEVICE_GB))
    yield (
        f"Exact search compares {float(n_images) ** 2:.0e} pairs, "
        f"{2.0 * n_images**2 * n_features:.1e} operations: {duration(search.products or 0.0)} of "
        "products alone on the device. It would take approximate search, which UCLS does not have."
    )
    yield (
        f"Features in float32 take {size(features)}, and a device has {DEVICE_GB:g} GB: training "
        f"would take at least {n_devices} of them, each with a part of the images, and "
        f"{duration(train.with_device)} of one device's time. UCLS trains and searches on one "
        "device; it cannot be started by torchrun, and nothing in it is distributed yet."
    )
    yield (
        f"The graph at the cap of {case.cap:,} takes {size(graph_bytes(case, case.cap))}; with the "
        f"{case.k} nearest alone (neighbors.threshold=1) {size(graph_bytes(case, case.k))}."
    )
    yield (
        f"At its end training holds the labels of all {n_heads} heads at once, "
        f"{size(arrays['train: labels at its end'])}, and consensus several copies of them; both "
        "would have to go through the images in parts, which they do not."
    )
    yield (
        f"`evaluate` fits k-means to a sample, {duration(by_stage['evaluate'].here.value)} by "
        "slope, but reads all features in float32; it cannot be switched off yet."
    )
    yield (
        "What makes sense today: `ucls run` on a sample of a million images, and `ucls predict` "
        "for the others, which needs one pass of the backbone over each."
    )
