"""``python -m benchmarks training-step``."""

from typing import Annotated

import typer

from benchmarks.machine import describe_machine
from benchmarks.options import Count, Repeats, choose, names_of
from ucls.settings.objectives import objective_names

Names = Annotated[str, typer.Option(metavar="NAME,...", help="'all', or some of them.")]
Scales = Annotated[str | None, typer.Option(help="Such as 1,2; default: each objective's own.")]
Symmetric = Annotated[bool, typer.Option("--symmetric", help="The two-way loss.")]


def command(
    *,
    heads: Count = 50,
    features: Count = 1024,
    clusters: Count = 100,
    batch: Count = 1024,
    hidden: Count = 512,
    bottleneck: Count = 256,
    objectives: Names = "all",
    precisions: Names = "all",
    scales: Scales = None,
    smoothing: Annotated[int, typer.Option(min=1, help="Neighbours (m).")] = 1,
    symmetric: Symmetric = False,
    repeats: Repeats = 10,
) -> None:
    """Measure a training step of each objective against the matrix products that it needs."""
    from benchmarks.speed import training_ratios
    from benchmarks.speed.measurement import Size, show_measurements

    settings = {"batch_size": batch, "hidden_dim": hidden, "bottleneck_dim": bottleneck}
    settings |= {"n_smoothing": smoothing} | ({"symmetric": True} if symmetric else {})
    settings |= {"scales": [float(scale) for scale in names_of(scales)]} if scales else {}
    chosen = choose(precisions, training_ratios.PRECISIONS, what="--precisions")
    size = Size(100_000, clusters, heads, features)
    print(describe_machine())
    for objective in choose(objectives, objective_names(), what="--objectives"):
        show_measurements(
            training_ratios.objective_ratios(objective, chosen, size, repeats=repeats, **settings)
        )
