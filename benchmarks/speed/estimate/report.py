"""An estimate as Markdown: ImageNet-1k, the reach of the issue, and 100 million images."""

from collections.abc import Iterator

from benchmarks.speed.estimate.arrays import Array, in_memory, on_disk
from benchmarks.speed.estimate.cases import IMAGENET_CASES, LARGE_CASES, UCLS_CASE, Case
from benchmarks.speed.estimate.device import Device
from benchmarks.speed.estimate.extrapolation import extrapolate, memory_of
from benchmarks.speed.estimate.obstacles import obstacles
from benchmarks.speed.estimate.rows import TimeRow, time_rows, total_with_device
from benchmarks.speed.estimate.tables import array_table, time_table
from benchmarks.speed.estimate.units import duration
from benchmarks.speed.growth.records import GrowthRecord
from benchmarks.speed.growth.tables import size_text

REACH_MINUTES = 15
REACH_EPOCHS = 100
MEASURED_CONSENSUS = (
    "14 to 18 s and 1.4 GB for MCLA here (README.md, `python benchmarks/ensembles.py --n 1281167 "
    "--clusters 1000 --heads 50`)"
)
BY_SLOPE = ("merge", "ensemble")
"""Hold copies that are measured rather than counted."""


def estimate_markdown(record: GrowthRecord, device: Device, *, source: str) -> str:
    """The whole report.

    Args:
        record: how the stages grow.
        device: what a GPU can do.
        source: where the record lies.
    """
    blocks = ["# Time and memory on paper", *introduction(record, device, source)]
    for case in IMAGENET_CASES:
        blocks += case_blocks(case, record, device)
    blocks += ["## Under 15 minutes with a GPU?", *reach(record, device)]
    for case in LARGE_CASES:
        blocks += case_blocks(case, record, device)
        rows = time_rows(case, record, device, epochs=case.epochs[0])
        blocks.append("What does not fit or makes no sense, and what it would take:")
        blocks.append("\n".join(f"- {line}" for line in obstacles(case, rows)))
    return "\n\n".join(blocks) + "\n"


def introduction(record: GrowthRecord, device: Device, source: str) -> Iterator[str]:
    """Where each kind of figure comes from."""
    machine = record.machine
    yield "Nothing below was run at its size. Each figure is of one of two kinds:"
    yield (
        f"- **by slope**: from the times in `{source}` (`{record.command}`, {record.measured}), "
        f"measured on {machine['processor']} with {machine['cores']} cores and "
        f"{machine['memory_gb']:g} GB, which is *here*. Along N, C, H and D the measured times "
        "are followed, and beyond them the slope of their last half; growth along several of these "
        "is multiplied, and added where costs add up. By the *factor* a figure may be too small or "
        "too large: one standard error of the slopes, carried as far. It does not tell whether a "
        "stage goes on to grow as it did.\n"
        "- **by arithmetic**: on a GPU that is not here. Its peaks are those that NVIDIA states "
        "for an H100 SXM, or those given; the shares of them that are reached are assumed, not "
        f"measured: {device}. Operations are counted on a real step with few heads and images, "
        "and for search and self-training by hand. *Products alone* leaves out all that is moved; "
        "*with what moves* takes each operation to read and write its tensors, as torch does where "
        "nothing is fused, and to wait for the slower of both."
    )
    largest = ", ".join(
        f"{growth.stage} {growth.along('N')[-1].size.n_images:,}" for growth in record.stages
    )
    yield (
        f"The largest N measured: {largest}. The consensus of ImageNet's size was measured apart "
        f"from this: {MEASURED_CONSENSUS}."
    )
    yield (
        "Extraction, reading, writing and starting are left out. Merging, consensus and k-means "
        "run on the CPU with a GPU too; another machine may have a quicker one than here. "
        "`evaluate` is one k-means of a sample, which every run takes."
    )


def case_blocks(case: Case, record: GrowthRecord, device: Device) -> Iterator[str]:
    """Tables of one case."""
    clusters = f", heads of {case.head_clusters:,} clusters" if case.merges else ""
    yield f"## {case.title}"
    yield (
        f"{size_text(case.size, 'NCHD')}{clusters}; batch {case.batch_size:,} in bfloat16, "
        f"{case.iterations:,} iterations of self-training on the four feature sets of a ViT."
    )
    first, *others = (time_rows(case, record, device, epochs=epochs) for epochs in case.epochs)
    yield time_table(case, first, others)
    yield array_table(on_disk(case), where="on disk, by arithmetic")
    yield array_table(
        [*in_memory(case), *by_slope(case, record)], where="in memory, by arithmetic or slope"
    )


def by_slope(case: Case, record: GrowthRecord) -> Iterator[Array]:
    """The memory of the stages whose copies are measured."""
    for stage in BY_SLOPE:
        if stage != "merge" or case.merges:
            found = extrapolate(record.of(stage), case.size, memory_of)
            how = f"by slope, within a factor of {found.factor:.2f}"
            yield Array(f"{stage}: at its peak", 1e6 * found.value, how)


def reach(record: GrowthRecord, device: Device) -> Iterator[str]:
    """Whether a run of 100 epochs and 50 heads takes less than 15 minutes, and why."""
    for case in (*IMAGENET_CASES, UCLS_CASE):
        rows = time_rows(case, record, device, epochs=REACH_EPOCHS)
        yield f"{case.title}, {REACH_EPOCHS} epochs: {verdict(rows)}"


def verdict(rows: list[TimeRow]) -> str:
    """One paragraph: yes or no, how long, and what takes most of it."""
    seconds = total_with_device(rows)
    measured = [row for row in rows if row.stage != "evaluate"]
    others = total_with_device(measured)
    longest = sorted(rows, key=lambda row: -row.with_device)[:3]
    parts = ", ".join(f"{row.stage} {duration(row.with_device)}" for row in longest)
    return (
        f"**{_is_within(seconds)}**: {duration(seconds)} without extraction, of which {parts}. "
        f"Without `evaluate`: {_is_within(others)}, {duration(others)}."
    )


def _is_within(seconds: float) -> str:
    return "yes" if seconds < 60 * REACH_MINUTES else "no"
