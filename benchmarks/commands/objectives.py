"""``python -m benchmarks objectives``: every objective on scikit-learn's digits."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks import options as opt

Rows = Annotated[
    list[str] | None, typer.Option("--row", metavar="NAME", help="Or all; default: objectives.")
]
Oracle = Annotated[bool, typer.Option("--oracle", help="Train with neighbours from the labels.")]
Thin = Annotated[float, typer.Option(min=1.0, help="Largest over smallest class.")]


def command(
    *,
    seeds: opt.Seeds = 5,
    first_seed: opt.FirstSeed = 0,
    row: Rows = None,
    oracle: Oracle = False,
    thin: Thin = 1.0,
    json: opt.Json = None,
) -> None:
    """Compare the objectives on the same features of digits, with the same neighbours.

    The consensus that a run chooses is measured, on the 1,437 training images: ACC, ACC averaged
    over classes, NMI and ARI, mean and standard deviation over the seeds; seconds are those of the
    training alone. All settings are the defaults but those that the row names.

    With --oracle the heads are trained with neighbours from the labels (thesis table 6.5), which
    shows what an objective makes of right ones; they are merged, where they are, by the real ones.
    With --thin 10 the classes are thinned to sizes from 10 to 1.

    Example: python -m benchmarks objectives --seeds 5
    """
    import tempfile

    from benchmarks import objectives
    from benchmarks.machine import describe_machine
    from benchmarks.records import made_here, write_record
    from ucls.console import console_reporter

    rows, told = objectives.choose_rows(row), console_reporter().say
    results: dict[str, list[dict[str, float]]] = {name: [] for name in rows}
    with tempfile.TemporaryDirectory() as made:
        source = objectives.digits_source(Path(made), thin)
        for name in rows:
            for seed in range(first_seed, first_seed + seeds):
                settings, where = objectives.VARIANTS[name], {"folder": Path(made)}
                found = objectives.run_variant(settings, source, seed=seed, oracle=oracle, **where)
                results[name].append(found)
                told(f"{name}, seed {seed}: ACC {found['ACC']:.3f}, {found['s']:.1f} s")
    print(describe_machine())
    origin = "labels (oracle)" if oracle else "features"
    print(f"digits, classes {thin:g}:1, neighbours from the {origin}")
    objectives.objectives_table(results).show()
    if json is not None:
        settings = {"seeds": seeds, "first_seed": first_seed, "oracle": oracle, "thin": thin}
        record = objectives.ObjectivesRecord(**made_here(), settings=settings, results=results)
        write_record(json, record)
