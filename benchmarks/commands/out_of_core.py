"""``python -m benchmarks out-of-core``."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.options import RESULTS, Out

FOLDER = RESULTS / "out-of-core"

Images = Annotated[int, typer.Option(min=100, help="Images.")]
Clusters = Annotated[int, typer.Option(min=2, help="Clusters.")]
Heads = Annotated[int, typer.Option(min=1, help="Heads.")]
Width = Annotated[int, typer.Option("--features", min=2, help="Width of the features.")]
Folder = Annotated[
    Path | None,
    typer.Option(
        file_okay=False,
        help="Where to work; features.h5 of an earlier call is used again. Default: for a while, "
        "in the folder for temporary files.",
    ),
]


def command(
    *,
    images: Images = 1_281_167,
    clusters: Clusters = 100,
    heads: Heads = 1,
    features: Width = 2048,
    folder: Folder = None,
    out: Out = FOLDER,
) -> None:
    """Measure an epoch on features that stay on disk, beside reading them once, and its memory."""
    import tempfile

    from benchmarks.pages import is_page
    from benchmarks.records import check_record, made_here, write_record
    from benchmarks.speed.measurement import Size
    from benchmarks.speed.out_of_core.page import TEMPLATE, out_of_core_page
    from benchmarks.speed.out_of_core.record import OutOfCoreRecord
    from benchmarks.speed.out_of_core.work import measure_steps
    from ucls.cache import atomic_write, check_output

    check_record(out / "out-of-core.json")
    check_output(out / "out-of-core.md", is_own=is_page(TEMPLATE))
    size = Size(images, clusters, heads, features)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        work, steps = Path(temporary).resolve(), []
        source = (folder or work).resolve() / "features.h5"
        for step in measure_steps(size, source, work):
            print(f"{step.name}: {step.seconds:,.1f} s, {step.peak_mb:,.0f} MB", flush=True)
            steps.append(step)
    record = OutOfCoreRecord(**made_here(), size=size, steps=tuple(steps))
    page = out_of_core_page(record)
    write_record(out / "out-of-core.json", record)
    with atomic_write(out / "out-of-core.md") as partial:
        partial.write_text(page, encoding="utf-8")
    print(page, end="")
