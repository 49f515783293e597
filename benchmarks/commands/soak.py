"""``python -m benchmarks soak``."""

from typing import Annotated

import typer

from benchmarks.options import RESULTS, Clusters, Folder, Images, Out, Width, working_folder

FOLDER = RESULTS / "soak"

Runs = Annotated[int, typer.Option(min=1, help="Whole runs, one after the other.")]


def command(
    *,
    images: Images = 1_000_000,
    clusters: Clusters = 20,
    features: Width = 64,
    runs: Runs = 2,
    folder: Folder = None,
    out: Out = FOLDER,
) -> None:
    """Make whole runs in one process, and see whether its memory stays flat and comes back."""
    from benchmarks.pages import is_page
    from benchmarks.process import run_in_process
    from benchmarks.records import check_record, made_here, write_record
    from benchmarks.simulated.source import make_source
    from benchmarks.speed.measurement import Size
    from benchmarks.speed.soak.page import TEMPLATE, soak_page
    from benchmarks.speed.soak.record import SoakRecord
    from benchmarks.speed.soak.work import settings_of, soak
    from ucls.cache import atomic_write, check_output

    check_record(out / "soak.json")
    check_output(out / "soak.md", is_own=is_page(TEMPLATE))
    done = []
    with working_folder(folder) as (source, work):
        run_in_process(make_source, str(source), images, clusters, features)
        for number in range(runs):
            steps = []
            for step in soak(source, work / f"{number}", settings_of(clusters, number)):
                print(f"run {number + 1}, {step}", flush=True)
                steps.append(step)
            done.append(tuple(steps))
    size = Size(images, clusters, n_features=features)
    record = SoakRecord(**made_here(), size=size, runs=tuple(done))
    page = soak_page(record)
    write_record(out / "soak.json", record)
    with atomic_write(out / "soak.md") as partial:
        partial.write_text(page, encoding="utf-8")
    print(page, end="")
