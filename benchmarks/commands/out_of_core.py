"""``python -m benchmarks out-of-core``."""

from typing import Annotated

import typer

from benchmarks.options import RESULTS, Clusters, Folder, Images, Out, Width, working_folder

FOLDER = RESULTS / "out-of-core"

Heads = Annotated[int, typer.Option(min=1, help="Heads.")]


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
    from benchmarks.record_and_page import check_results, write_results
    from benchmarks.records import made_here
    from benchmarks.speed.measurement import Size
    from benchmarks.speed.out_of_core.page import TEMPLATE, out_of_core_page
    from benchmarks.speed.out_of_core.record import OutOfCoreRecord
    from benchmarks.speed.out_of_core.work import measure_steps

    check_results(out, OutOfCoreRecord, TEMPLATE)
    size = Size(images, clusters, heads, features)
    steps = []
    with working_folder(folder) as (source, work):
        for step in measure_steps(size, source, work):
            print(step, flush=True)
            steps.append(step)
    record = OutOfCoreRecord(**made_here(), size=size, steps=tuple(steps))
    write_results(out, record, out_of_core_page(record))
