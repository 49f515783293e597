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
    from benchmarks.process import run_in_process
    from benchmarks.record_and_page import check_results, write_results
    from benchmarks.records import made_here
    from benchmarks.simulated.source import make_source
    from benchmarks.speed.measurement import Size
    from benchmarks.speed.soak.page import TEMPLATE, soak_page
    from benchmarks.speed.soak.record import SoakRecord
    from benchmarks.speed.soak.work import settings_of, soak

    check_results(out, SoakRecord, TEMPLATE)
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
    write_results(out, record, soak_page(record))
