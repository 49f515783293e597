"""``python -m benchmarks objectives``: every objective on scikit-learn's digits."""

from pathlib import Path
from typing import Annotated, Any

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

    The consensus that a run chooses is measured on the training images, with all settings but
    those of the row the defaults; seconds are those of the training alone. With --oracle heads are
    trained with neighbours from the labels (thesis table 6.5), and merged by the real ones.

    Example: python -m benchmarks objectives --seeds 5
    """
    import tempfile

    from benchmarks import objectives
    from benchmarks.machine import describe_machine
    from benchmarks.records import check_record, made_here, write_record
    from benchmarks.sets import digits
    from ucls.progress import PlainReporter

    check_record(json)
    results: dict[str, list[dict[str, float]]] = {name: [] for name in objectives.choose_rows(row)}
    with tempfile.TemporaryDirectory() as made:
        source = digits(Path(made), thin)
        for name, runs in results.items():
            for seed in range(first_seed, first_seed + seeds):
                options: dict[str, Any] = {"seed": seed, "folder": Path(made), "oracle": oracle}
                runs.append(objectives.run_variant(objectives.VARIANTS[name], source, **options))
                PlainReporter().say(f"{name}, seed {seed}: ACC {runs[-1]['ACC']:.3f}")
    print(describe_machine())
    origin = "labels (oracle)" if oracle else "features"
    print(f"digits, classes {thin:g}:1, neighbours from the {origin}")
    objectives.objectives_table(results).show()
    if json is not None:
        settings = {"seeds": seeds, "first_seed": first_seed, "oracle": oracle, "thin": thin}
        record = objectives.ObjectivesRecord(**made_here(), settings=settings, results=results)
        write_record(json, record)
