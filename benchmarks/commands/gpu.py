"""``python -m benchmarks gpu``: training on a GPU, checked and timed."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.options import Repeats

Device = Annotated[str, typer.Option(help="cuda, cuda:1, or cpu to try the script itself.")]
Quick = Annotated[bool, typer.Option("--quick", help="Tiny sizes.")]
Out = Annotated[Path | None, typer.Option(metavar="FILE.json", help="Where a record goes as well.")]


def command(
    *, device: Device = "cuda", quick: Quick = False, repeats: Repeats = 3, out: Out = None
) -> None:
    """Check a training step on a GPU against float64, and time it; made to fit into 5 minutes.

    Losses, gradients, centering and moving average, eager and compiled; the step's share of the
    peak; an epoch beside the straightforward trainer; ImageNet-1k by measured steps; neighbours and
    k-means.

    Example: python -m benchmarks gpu --out benchmarks/results/speed/gpu.json
    """
    from benchmarks.machine import describe_machine
    from benchmarks.records import check_record
    from benchmarks.speed import gpu
    from ucls.devices import resolve_device
    from ucls.errors import UclsError

    where = resolve_device(device)
    check_record(out)
    print(describe_machine())
    record = gpu.Script(gpu.QUICK if quick else gpu.FULL, where, repeats=repeats).run(out)
    gpu.show(record)
    if failed := [check.name for check in record.checks if not check.is_met]:
        raise UclsError(f"{len(failed)} of {len(record.checks)} checks fail: {', '.join(failed)}")
