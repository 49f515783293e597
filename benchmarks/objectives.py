"""Every objective on the same features of scikit-learn's digits, with the same neighbours.

The consensus that a run chooses is measured, on the 1,437 training images: ACC, ACC averaged over
classes, NMI and ARI, mean and standard deviation over the seeds; seconds are those of the training
alone. All settings are the defaults but those that the row names.

With ``--oracle`` the heads are trained with neighbours from the labels (thesis table 6.5), which
shows what an objective makes of right ones; they are merged, where they are, by the real ones. With
``--thin 10`` the classes are thinned to sizes from 10 to 1.

Run: python benchmarks/objectives.py --seeds 5
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

# Run as a file, Python would look for ``benchmarks`` in its own folder only.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine import describe_machine
from benchmarks.unequal import oracle_graph, thinned_rows
from ucls.cache import read_graph, read_json, write_graph
from ucls.pipeline import start
from ucls.runs.labels import known_labels
from ucls.runs.run import Run
from ucls.settings.config import Config
from ucls.settings.objectives import OBJECTIVES
from ucls.sources import Source, load_source
from ucls.stages.ensemble import ensemble
from ucls.stages.evaluate import evaluate
from ucls.stages.merge import merge
from ucls.stages.neighbors import neighbors
from ucls.stages.train import train

Settings = dict[str, Any]
Figures = dict[str, float]

ALONE: Settings = {"train.scales": [1], "merge.linkage": "none"}
VARIANTS: dict[str, Settings] = {
    **{name: {"train.objective": name} for name in OBJECTIVES},
    "ucls, not merged": ALONE,
    "ucls, soft prior, not merged": {**ALONE, "train.prior": "soft"},
    "ucls, no prior, not merged": {**ALONE, "train.prior": "none"},
    "temi, not merged": {"train.objective": "temi", **ALONE},
    "temi, with Sinkhorn": {"train.objective": "temi", "train.prior": "uniform"},
    "temi, plain": {"train.objective": "temi", **ALONE, "neighbors.threshold": 1.0},
    "scan, not merged": {"train.objective": "scan", **ALONE},
    "scan, with Sinkhorn": {"train.objective": "scan", "train.prior": "uniform"},
    "scan, plain": {"train.objective": "scan", **ALONE, "neighbors.threshold": 1.0},
    "self-classifier, not merged": {
        "train.objective": "self-classifier",
        "merge.linkage": "none",
    },
    "uic, not merged": {"train.objective": "uic", **ALONE},
    "c2bin, not merged": {"train.objective": "c2bin", "merge.linkage": "none"},
    "turtle, not merged": {"train.objective": "turtle", **ALONE},
}
"""Settings by the name of their row; ``plain`` also takes the nearest neighbours alone."""
SCORES = {"ACC": "acc", "class ACC": "acc_class_mean", "NMI": "nmi", "ARI": "ari"}
UNTIMED = {"evaluate.kmeans_restarts": 1, "evaluate.upper_bounds": False}


def digits_source(folder: Path, thin: float) -> Source:
    """Digits, or a feature file of a part of them."""
    if thin == 1.0:
        return load_source("digits")
    run = start("digits", out=folder / "digits", cache_dir=folder / "cache")
    with run.features("train") as cache:
        features = cache.read("cls")
    labels = known_labels(run)["train"]
    rows = thinned_rows(labels, ratio=thin)
    path = folder / f"digits-thinned-{thin:g}.npz"
    np.savez(path, features=features[rows], labels=labels[rows])
    return load_source(str(path))


def run_variant(
    settings: Settings, source: Source, *, seed: int, folder: Path, oracle: bool
) -> Figures:
    """One run up to its consensus; the scores of that and the seconds of its training."""
    config = Config(seed=seed).with_values({"n_clusters": 10, **UNTIMED, **settings})
    with tempfile.TemporaryDirectory(dir=folder) as out:
        path = start(source, out=out, config=config, cache_dir=folder / "cache").folder.path
        graph = read_graph(neighbors(path))
        if oracle:
            labels = known_labels(Run(path))["train"]
            write_graph(path / "neighbors.h5", oracle_graph(labels))
        train(path)
        write_graph(path / "neighbors.h5", graph)
        merge(path)
        ensemble(path)
        chosen = evaluate(path)["train"]["ensemble.chosen"]
        seconds = read_json(path / "run.json")["stages"]["train"]["seconds"]
    return {**{name: chosen[key] for name, key in SCORES.items()}, "s": seconds}


def format_row(name: str, results: list[Figures]) -> str:
    """A line of the table."""
    cells = []
    for score in SCORES:
        values = [figures[score] for figures in results]
        cells.append(f"{np.mean(values):.3f} ± {np.std(values):.3f}")
    seconds = np.mean([figures["s"] for figures in results])
    return f"{name:<30}" + "".join(f"{cell:>16}" for cell in cells) + f"{seconds:>8.1f}"


def parse_arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--rows", nargs="*", choices=VARIANTS, default=list(OBJECTIVES))
    parser.add_argument("--all", action="store_true", help="every row there is")
    parser.add_argument("--oracle", action="store_true", help="train with neighbours from labels")
    parser.add_argument("--thin", type=float, default=1.0, help="largest over smallest class")
    parser.add_argument("--json", type=Path, help="where to write the figures as well")
    return parser.parse_args()


def main() -> None:
    """Prints the machine and a line for every row as soon as it has run."""
    args = parse_arguments()
    machine = describe_machine()
    print(machine)
    origin = "labels (oracle)" if args.oracle else "features"
    print(f"digits, classes {args.thin:g}:1, neighbours from the {origin}")
    print(f"{'':<30}" + "".join(f"{name:>16}" for name in SCORES) + f"{'s':>8}")
    results: dict[str, list[Figures]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = digits_source(folder, args.thin)
        for row in VARIANTS if args.all else args.rows:
            results[row] = [
                run_variant(
                    VARIANTS[row],
                    source,
                    seed=seed,
                    folder=folder,
                    oracle=args.oracle,
                )
                for seed in range(args.first_seed, args.first_seed + args.seeds)
            ]
            print(format_row(row, results[row]), flush=True)
    if args.json:
        settings = {name: value for name, value in vars(args).items() if name != "json"}
        record = {"machine": machine, "settings": settings, "results": results}
        args.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
