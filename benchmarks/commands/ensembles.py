"""``python -m benchmarks ensembles``: the consensus methods on made-up heads."""

from enum import StrEnum
from typing import Annotated

import typer

from benchmarks import options as opt


class Mode(StrEnum):
    """How made-up heads err."""

    INDEPENDENT = "independent"
    HARD = "hard"


NImages = Annotated[int, typer.Option("--n", min=2, help="Images.")]
NClusters = Annotated[int, typer.Option("--clusters", min=2, help="Classes, and so clusters.")]
NHeads = Annotated[int, typer.Option("--heads", min=1, help="Heads.")]
ModeOption = Annotated[Mode, typer.Option(help="How heads err: on their own, or alike.")]
Methods = Annotated[str, typer.Option(metavar="NAME,...", help="'all', or some: mcla,vote.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the labels and the methods.")]


def command(
    *,
    n_images: NImages = 50_000,
    clusters: NClusters = 100,
    heads: NHeads = 50,
    mode: ModeOption = Mode.INDEPENDENT,
    methods: Methods = "all",
    seed: Seed = 0,
    repeats: opt.Repeats = 1,
    json: opt.Json = None,
) -> None:
    """Measure seconds, memory and accuracy of every consensus method.

    Seconds are those of the consensus alone, its first call in a fresh process, with the imports
    that it makes. GB is the peak resident memory of that process, the label matrix and Python
    included. Of several repeats the quickest and the largest peak count.

    Example: python -m benchmarks ensembles --n 1281167 --clusters 1000 --heads 50 --mode hard
    """
    from benchmarks.ensembles import (
        EnsemblesRecord,
        Heads,
        choose_methods,
        ensembles_table,
        measure_methods,
    )
    from benchmarks.machine import describe_machine
    from benchmarks.records import made_here, write_record
    from ucls.console import console_reporter

    size = Heads(n_images, clusters, heads, mode.value, seed)
    chosen = choose_methods(methods, size)
    print(describe_machine("numpy", "scipy", "pymetis", "mtkahypar"))
    print(f"N={n_images:,} C={clusters:,} H={heads} {mode.value}, seed {seed}")
    told = console_reporter().say
    single, found = measure_methods(size, chosen, repeats=repeats, told=told)
    print("ACC of single heads: " + ", ".join(f"{name} {acc:.4f}" for name, acc in single.items()))
    ensembles_table(found).show()
    if json is not None:
        settings = {**size._asdict(), "methods": methods, "repeats": repeats}
        record = EnsemblesRecord(**made_here(), settings=settings, heads=single, methods=found)
        write_record(json, record)
