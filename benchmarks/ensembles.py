"""Seconds, memory and accuracy of every consensus method, on heads made up for the purpose.

Seconds are those of ``consensus`` alone, its first call in a fresh process, with the imports that
it makes. GB is the peak resident memory of that process, the label matrix and Python included. Of
several repeats the quickest and the largest peak count. A method that does not fit into memory, or
that ``all`` leaves out because it would take very long, is a line that says so; name it in
``--methods`` to run it however long it takes.

Run: python benchmarks/ensembles.py --n 1281167 --clusters 1000 --heads 50 --mode hard
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

# Run as a file, Python would look for ``benchmarks`` in its own folder only.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.label_matrices import MODES, make_label_matrix
from benchmarks.machine import describe_machine
from ucls.ensemble.methods import ALL, METHODS
from ucls.metrics.scores import clustering_accuracy, nmi

REPOSITORY = Path(__file__).resolve().parents[1]

Figures = dict[str, Any]
Labels = npt.NDArray[np.int32]


def main() -> None:
    """Prints the machine, how good single heads are, and a line for every method."""
    args = parse_arguments()
    machine = describe_machine("numpy", "scipy", "pymetis", "mtkahypar")
    print(machine)
    classes, heads = make_label_matrix(
        args.n, args.clusters, n_heads=args.heads, mode=args.mode, seed=args.seed
    )
    print(f"N={args.n:,} C={args.clusters:,} H={args.heads} {args.mode}, seed {args.seed}")
    single = describe_heads(classes, heads)
    print("ACC of single heads: " + ", ".join(f"{k} {v:.4f}" for k, v in single.items()))
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "labels.npy", heads)
        del heads  # leaves the methods more memory
        results = run_methods(args, Path(folder), classes)
    if args.json:
        settings = {name: value for name, value in vars(args).items() if name != "json"}
        record = {"machine": machine, "settings": settings, "heads": single, "methods": results}
        args.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def parse_arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n", type=int, default=50_000, help="images")
    parser.add_argument("--clusters", type=int, default=100)
    parser.add_argument("--heads", type=int, default=50)
    parser.add_argument("--mode", choices=MODES, default=MODES[0])
    parser.add_argument("--methods", type=method_names, default=ALL, help="such as mcla,vote")
    parser.add_argument("--seed", type=int, default=0, help="of the labels and the methods")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", type=Path, help="where to write the figures as well")
    return parser.parse_args()


def method_names(text: str) -> str | list[str]:
    """Methods separated by commas, or ``all``."""
    if text == ALL:
        return ALL
    names = text.split(",")
    if unknown := set(names) - set(METHODS):
        raise argparse.ArgumentTypeError(
            f"expected {ALL} or some of {','.join(METHODS)}, got {','.join(sorted(unknown))}"
        )
    return names


def describe_heads(classes: Labels, heads: Labels) -> dict[str, float]:
    """The mean, least and largest ACC of single heads."""
    acc = [clustering_accuracy(classes, head) for head in heads]
    return {"mean": float(np.mean(acc)), "min": min(acc), "max": max(acc)}


def run_methods(args: argparse.Namespace, folder: Path, classes: Labels) -> dict[str, Figures]:
    """Prints a line for every method as soon as it has run; their figures."""
    print(f"{'method':<8}{'s':>8}{'GB':>7}{'ACC':>8}{'NMI':>8}{'ANMI':>8}{'occupied':>10}")
    results: dict[str, Figures] = {}
    shape = (args.heads, args.n)
    for name in METHODS if args.methods == ALL else args.methods:
        if args.methods == ALL and takes_very_long(name, shape, args.clusters):
            results[name] = {"left_out": f"would take very long: run it with --methods {name}"}
        else:
            repeats = [
                run_method(name, folder, classes, n_clusters=args.clusters, seed=args.seed)
                for _ in range(args.repeats)
            ]
            results[name] = best_of(repeats)
        print(format_row(name, results[name]), flush=True)
    return results


def takes_very_long(name: str, shape: tuple[int, int], n_clusters: int) -> bool:
    """Whether ``all`` leaves a method out for labels of this shape."""
    method = METHODS[name]
    return method.work(np.broadcast_to(np.int32(0), shape), n_clusters) > method.largest


def run_method(name: str, folder: Path, classes: Labels, *, n_clusters: int, seed: int) -> Figures:
    """Runs one method in a fresh process; its figures, or why there are none."""
    out = folder / "clustering.npy"
    command = [sys.executable, "-m", "benchmarks.consensus_process", str(folder / "labels.npy")]
    command += [name, str(n_clusters), str(out), "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    if done.returncode < 0:
        return {"left_out": f"stopped by signal {-done.returncode}: out of memory?"}
    if done.returncode > 0:
        return {"left_out": "failed: " + done.stderr.strip().rpartition("\n")[2]}
    figures: Figures = json.loads(done.stdout)
    if "left_out" not in figures:
        clustering = np.load(out)
        figures["acc"] = clustering_accuracy(classes, clustering)
        figures["nmi"] = nmi(classes, clustering)
    return figures


def best_of(repeats: list[Figures]) -> Figures:
    """The figures of runs that found the same: the least seconds and the largest peak."""
    if any("left_out" in figures for figures in repeats):
        return next(figures for figures in repeats if "left_out" in figures)
    return repeats[0] | {
        "seconds": min(figures["seconds"] for figures in repeats),
        "gigabytes": max(figures["gigabytes"] for figures in repeats),
    }


def format_row(name: str, figures: Figures) -> str:
    """A line of the table."""
    if "left_out" in figures:
        return f"{name:<8}{figures['left_out']}"
    return (
        f"{name:<8}{figures['seconds']:>8.2f}{figures['gigabytes']:>7.2f}{figures['acc']:>8.4f}"
        f"{figures['nmi']:>8.4f}{figures['anmi']:>8.4f}{figures['occupied_clusters']:>10}"
    )


if __name__ == "__main__":
    main()
