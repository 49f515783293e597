"""``python -m benchmarks estimate``."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.speed.estimate.device import Device

H100 = Device()
GROWTH = Path("benchmarks/results/growth/growth.json")

Growth = Annotated[
    Path, typer.Argument(metavar="[GROWTH.json]", help="JSON of `python -m benchmarks growth`.")
]
HalfTflops = Annotated[
    float,
    typer.Option("--device-tflops", min=0.1, help="Peak of bfloat16 products, 10^12 a second."),
]
HalfShare = Annotated[
    float, typer.Option("--device-share", min=0.01, max=1.0, help="Share of it that is reached.")
]
SingleTflops = Annotated[
    float,
    typer.Option("--device-fp32-tflops", min=0.1, help="Peak of float32 products, 10^12 a second."),
]
SingleShare = Annotated[
    float,
    typer.Option("--device-fp32-share", min=0.01, max=1.0, help="Share of it that is reached."),
]
Bandwidth = Annotated[
    float,
    typer.Option("--device-bandwidth", min=0.01, help="Peak of its memory, 10^12 bytes a second."),
]
BandwidthShare = Annotated[
    float,
    typer.Option(
        "--device-bandwidth-share", min=0.01, max=1.0, help="Share of it that is reached."
    ),
]
Out = Annotated[Path | None, typer.Option(metavar="FILE.md", help="Write it to a file too.")]


def command(
    growth: Growth = GROWTH,
    *,
    device_tflops: HalfTflops = H100.half_tflops,
    device_share: HalfShare = H100.half_share,
    device_fp32_tflops: SingleTflops = H100.single_tflops,
    device_fp32_share: SingleShare = H100.single_share,
    device_bandwidth: Bandwidth = H100.bandwidth_tb,
    device_bandwidth_share: BandwidthShare = H100.bandwidth_share,
    out: Out = None,
) -> None:
    """Estimate ImageNet-1k and 100 million images, here by slope and on a GPU by arithmetic.

    Example: python -m benchmarks estimate --out estimate.md
    """
    from benchmarks.speed.estimate.report import estimate_markdown
    from benchmarks.speed.growth.records import read_growth
    from ucls.cache import atomic_write

    device = Device(
        half_tflops=device_tflops,
        half_share=device_share,
        single_tflops=device_fp32_tflops,
        single_share=device_fp32_share,
        bandwidth_tb=device_bandwidth,
        bandwidth_share=device_bandwidth_share,
    )
    markdown = estimate_markdown(read_growth(growth), device, source=str(growth))
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(out) as partial:
            partial.write_text(markdown, encoding="utf-8")
    print(markdown, end="")
