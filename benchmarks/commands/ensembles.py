"""``python -m benchmarks ensembles``: the consensus methods on made-up heads."""

from typing import Annotated, Literal

import typer

from benchmarks import options as opt

NImages = Annotated[int, typer.Option("--n", min=2, help="Images.")]
NClusters = Annotated[int, typer.Option("--clusters", min=2, help="Classes, and so clusters.")]
Mode = Annotated[Literal["independent", "hard"], typer.Option(help="How heads err.")]
Methods = Annotated[str, typer.Option(metavar="NAME,...", help="'all', or some: mcla,vote.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the labels and the methods.")]


def command(
    *,
    n_images: NImages = 50_000,
    clusters: NClusters = 100,
    heads: opt.Count = 50,
    mode: Mode = "independent",
    methods: Methods = "all",
    seed: Seed = 0,
    repeats: opt.Repeats = 1,
    json: opt.Json = None,
) -> None:
    """Measure seconds, memory and accuracy of every consensus method.

    Seconds are those of the first call in a fresh process, with its imports; GB is the peak of that
    process, labels and Python included. Of repeats the quickest and the largest peak count.

    Example: python -m benchmarks ensembles --n 1281167 --clusters 1000 --heads 50 --mode hard
    """
    from benchmarks import ensembles
    from benchmarks.machine import describe_machine
    from benchmarks.records import check_record, made_here, write_record
    from ucls.progress import PlainReporter

    check_record(json)
    size = ensembles.Heads(n_images, clusters, heads, mode, seed)
    chosen, told = ensembles.choose_methods(methods, size), PlainReporter().say
    print(describe_machine())
    print(f"N={n_images:,} C={clusters:,} H={heads} {mode}, seed {seed}")
    single, found = ensembles.measure_methods(size, chosen, repeats=repeats, told=told)
    print("ACC of single heads: " + ", ".join(f"{name} {acc:.4f}" for name, acc in single.items()))
    ensembles.ensembles_table(found).show()
    if json is not None:
        origin = {**made_here(), "settings": {**size._asdict(), "repeats": repeats}}
        write_record(json, ensembles.EnsemblesRecord(**origin, heads=single, methods=found))
