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
    steps = []
    with working_folder(folder) as (source, work):
        for step in measure_steps(size, source, work):
            print(step, flush=True)
            steps.append(step)
    record = OutOfCoreRecord(**made_here(), size=size, steps=tuple(steps))
    page = out_of_core_page(record)
    write_record(out / "out-of-core.json", record)
    with atomic_write(out / "out-of-core.md") as partial:
        partial.write_text(page, encoding="utf-8")
    print(page, end="")
