"""``python -m benchmarks simulate``: made-up features, written or held against the thesis."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from benchmarks.simulated.features import SimulatedFeatures


class Split(StrEnum):
    """Other images of the same classes."""

    TRAIN = "train"
    VAL = "val"


Check = Annotated[bool, typer.Option("--check", help="Show thesis table 6.16 beside them.")]
Difficulty = Annotated[
    bool, typer.Option("--difficulty", help="Show how k-means, k-NN and a linear probe do.")
]
Out = Annotated[Path | None, typer.Option(metavar="FILE.h5", help="A source for `ucls run`.")]
NImages = Annotated[int, typer.Option("--n", min=2, help="Images.")]
NClusters = Annotated[int, typer.Option("--clusters", min=2, help="Classes.")]
Width = Annotated[int, typer.Option("--features", min=2, help="Width of the features.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of classes and images.")]
SplitName = Annotated[Split, typer.Option("--split", help="'val': other images of the classes.")]
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
    split: SplitName = Split.TRAIN,
    queries: Queries = 4096,
) -> None:
    """Make features with the geometry of DINOv2 ViT-L/14 on ImageNet-100.

    They serve to measure speed and memory and to notice regressions; what is measured with them
    says nothing about real images. Exits with 1 if a check is out of bounds.

    Example: python -m benchmarks simulate --check
    """
    from benchmarks.simulated.features import SimulatedFeatures, write_simulated
    from ucls.console import console_reporter
    from ucls.errors import UsageError

    if not (check or difficulty or out):
        raise UsageError("expected --check, --difficulty or --out FILE.h5: give one or more")
    made = SimulatedFeatures(n_images, clusters, features, seed, split.value)
    if out is not None:
        with console_reporter().track("simulate", n_images, "images") as advance:
            write_simulated(out, made, advance=advance)
        print(f"simulated features: {out}")
    if difficulty:
        _show_difficulty(made)
    if check and not _show_check(made, queries):
        raise typer.Exit(1)


def _show_check(made: "SimulatedFeatures", n_queries: int) -> bool:
    """Prints table 6.16 beside the features; whether all is within its bounds."""
    from benchmarks.simulated import check as table
    from ucls.console import console_reporter

    with console_reporter().track("simulate: neighbours", made.n_images, "images") as advance:
        rows = table.check(made, n_queries=n_queries, advance=advance)
    print(
        f"simulated features beside thesis table 6.16: {describe(made)}\n"
        f"sets S_x of {min(n_queries, made.n_images):,} simulated images among all, "
        f"k={table.scaled_k(made)}, cap={table.set_cap(made):,}; "
        "published counts scaled to this N/C\n"
    )
    table.comparison_table(rows).show()
    n_within = sum(row.is_within for row in rows)
    print(
        f"\n{n_within} of {len(rows)} thresholds within {table.COUNT_BOUND:g} % (counts) and "
        f"{table.ACCURACY_BOUND:g} points (ACC of the sets, and of what is above the threshold): "
        "simulated"
    )
    if made.n_features < (needed := made.geometry.n_dims(made.n_classes)):
        print(
            f"below D={needed} the simulated background is denser than fitted, so this need not "
            f"hold for D={made.n_features}"
        )
    return n_within == len(rows)


def _show_difficulty(made: "SimulatedFeatures") -> None:
    from benchmarks.simulated.difficulty import N_TRAIN, N_VAL, measure_difficulty

    found = measure_difficulty(made)
    print(
        f"accuracies on simulated features: {describe(made)}\n"
        f"of {min(N_TRAIN, made.n_images):,} training images and {N_VAL:,} others: "
        f"linear probe {found.linear_probe:.2%}, k-NN {found.knn:.2%}, "
        f"k-means {found.kmeans:.2%} (of the training images)\n"
    )


def describe(made: "SimulatedFeatures") -> str:
    """Size and seed of simulated features."""
    return (
        f"N={made.n_images:,}, C={made.n_classes:,}, D={made.n_features:,}, "
        f"seed {made.seed}, {made.split}"
    )
