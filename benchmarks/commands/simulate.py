"""``python -m benchmarks simulate``: made-up features, written or held against the thesis."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from ucls.errors import UsageError

Check = Annotated[bool, typer.Option("--check", help="Show thesis table 6.16 beside them.")]
Difficulty = Annotated[
    bool, typer.Option("--difficulty", help="Show how k-means, k-NN and a linear probe do.")
]
Out = Annotated[Path | None, typer.Option(metavar="FILE.h5", help="A source for `ucls run`.")]
NImages = Annotated[int, typer.Option("--n", min=2, help="Images.")]
NClusters = Annotated[int, typer.Option("--clusters", min=2, help="Classes.")]
Width = Annotated[int, typer.Option("--features", min=2, help="Width of the features.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of classes and images.")]
Split = Annotated[Literal["train", "val"], typer.Option(help="'val': other images.")]
Queries = Annotated[int, typer.Option(min=1, help="Images whose neighbours --check looks for.")]


def command(
    *,
    check: Check = False,
    difficulty: Difficulty = False,
    out: Out = None,
    n_images: NImages = 128_545,
    clusters: NClusters = 100,
    features: Width = 2048,
    seed: Seed = 0,
    split: Split = "train",
    queries: Queries = 4096,
) -> None:
    """Make features with the geometry of DINOv2 ViT-L/14 on ImageNet-100.

    They serve to measure speed and memory and to notice regressions; what is measured with them
    says nothing about real images. Exits with 1 if a check is out of bounds.

    Example: python -m benchmarks simulate --check
    """
    from benchmarks.simulated import check as table
    from benchmarks.simulated.difficulty import measure_difficulty
    from benchmarks.simulated.features import SimulatedFeatures, is_simulated, write_simulated
    from ucls.cache import check_output
    from ucls.progress import PlainReporter

    if not (check or difficulty or out):
        raise UsageError("expected --check, --difficulty or --out FILE.h5: give one or more")
    if out:
        check_output(out, is_own=is_simulated)
    made = SimulatedFeatures(n_images, clusters, features, seed, split)
    print(
        f"simulated features: N={n_images:,}, C={clusters:,}, D={features:,}, seed {seed}, "
        f"{split}; the smallest D that holds the fit is {made.geometry.n_dims(clusters)}"
    )
    if out is not None:
        with PlainReporter().track("simulate", n_images, "images") as advance:
            write_simulated(out, made, advance=advance)
        print(f"written to {out}")
    if difficulty:
        for name, accuracy in measure_difficulty(made).items():
            print(f"ACC on simulated features, {name}: {accuracy:.2%}")
    if check:
        with PlainReporter().track("simulate: neighbours", n_images, "images") as advance:
            rows = table.check(made, n_queries=queries, advance=advance)
        print(f"table 6.16 scaled to k={table.scaled_k(made)}, cap={table.set_cap(made):,}")
        table.comparison_table(rows).show()
        n_within = sum(row.excess <= 1 for row in rows)
        print(
            f"{n_within} of {len(rows)} thresholds within {table.BOUNDS[0]:g} % (counts) and "
            f"{table.BOUNDS[1]:g} points (ACC of the sets, and of what is above the threshold)"
        )
        if n_within < len(rows):
            raise typer.Exit(1)
