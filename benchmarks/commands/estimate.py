"""``python -m benchmarks estimate``."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.commands.growth import FOLDER

Growth = Annotated[
    Path, typer.Argument(metavar="[GROWTH.json]", help="JSON of `python -m benchmarks growth`.")
]
Peak = Annotated[float, typer.Option(min=0.01, help="Peak, 10^12 operations or bytes a second.")]
Share = Annotated[float, typer.Option(min=0.01, max=1.0, help="Share of it that is reached.")]
Out = Annotated[Path | None, typer.Option(metavar="FILE.md", help="Write it to a file too.")]


def command(
    growth: Growth = FOLDER / "growth.json",
    *,
    device_tflops: Peak = 989.0,
    device_share: Share = 0.4,
    device_fp32_tflops: Peak = 67.0,
    device_fp32_share: Share = 0.6,
    device_bandwidth: Peak = 3.35,
    device_bandwidth_share: Share = 0.7,
    out: Out = None,
) -> None:
    """Estimate ImageNet-1k and 100 million images, here by slope and on a GPU by arithmetic."""
    from benchmarks.pages import is_page
    from benchmarks.records import read_record
    from benchmarks.speed.estimate import TEMPLATE, Device, estimate_page
    from benchmarks.speed.growth.record import GrowthRecord
    from ucls.cache import atomic_write, check_output

    if out is not None:
        check_output(out, is_own=is_page(TEMPLATE))
    half, single = (device_tflops, device_share), (device_fp32_tflops, device_fp32_share)
    device = Device(*half, *single, device_bandwidth, device_bandwidth_share)
    page = estimate_page(read_record(growth, GrowthRecord), device, source=str(growth))
    if out is not None:
        with atomic_write(out) as partial:
            partial.write_text(page, encoding="utf-8")
    print(page, end="")
