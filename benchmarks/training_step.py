"""One training step of each objective against the bare matrix products that it needs.

Run: python -m benchmarks.training_step --heads 50
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.machine import describe_machine
from benchmarks.step_products import Size, step_products
from ucls.malloc import freed_memory_kept
from ucls.settings.config import Config, TrainConfig
from ucls.settings.data_facts import DataFacts
from ucls.settings.fitting import autoconfigure
from ucls.settings.objectives import OBJECTIVES
from ucls.training.trainer import HeadTrainer
from ucls.types import NeighborGraph

N_BATCHES = 8


def random_graph(n_images: int, k: int = 10) -> NeighborGraph:
    """Ten random neighbours for each image."""
    rng = np.random.default_rng(0)
    return NeighborGraph(
        indptr=np.arange(n_images + 1, dtype=np.int64) * k,
        indices=rng.integers(0, n_images, n_images * k, dtype=np.int32),
        similarity=np.ones(n_images * k, dtype=np.float16),
        k=k,
        threshold=None,
        cap=None,
        n_capped=0,
        backend="random",
        exact=True,
    )


def train_config(objective: str, args: argparse.Namespace, precision: str) -> TrainConfig:
    """The settings that a run of this objective would have, with the sizes asked for."""
    widths = {"train.hidden_dim": args.hidden, "train.bottleneck_dim": args.bottleneck}
    asked = {
        "train.objective": objective,
        "train.n_heads": args.heads,
        "train.batch_size": args.batch,
        "train.precision": precision,
        **({} if objective == "turtle" else widths),
        **({"train.scales": args.scales} if args.scales else {}),
        **({"train.n_smoothing": args.smoothing} if objective in TEACHERS else {}),
        **({"train.symmetric": True} if objective in ("ucls", "temi") and args.symmetric else {}),
    }
    facts = DataFacts(
        n_images=100_000,
        n_features=args.features,
        n_clusters=args.clusters,
        backbone="features",
        device="cuda" if torch.cuda.is_available() else "cpu",
        fast_precision="bfloat16" if precision == "bfloat16" else "float32",
    )
    return autoconfigure(Config().with_values(asked), facts).train


TEACHERS = ("ucls", "temi", "scan")


def make_trainer(config: TrainConfig, args: argparse.Namespace) -> HeadTrainer:
    """A trainer on random features."""
    rng = np.random.default_rng(0)
    n_images = N_BATCHES * args.batch
    features = rng.standard_normal((n_images, args.features), dtype=np.float32)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return HeadTrainer(
        features, random_graph(n_images), config, n_clusters=args.clusters, seed=0, device=device
    )


def make_step(trainer: HeadTrainer) -> Callable[[], None]:
    """One step after the other, on the batches of an epoch in turn."""
    generator = torch.Generator(trainer.device).manual_seed(0)
    order = trainer.objective.start_epoch(trainer.describe_epoch(generator))
    trainer.train_mode(True)
    step = 0

    def take_step() -> None:
        nonlocal step
        start = step % N_BATCHES * trainer.batch_size
        trainer.step(order[..., start : start + trainer.batch_size], step, generator)
        step += 1

    return take_step


def time_interleaved(functions: list[Callable[[], object]], repeats: int) -> np.ndarray:
    """Seconds [repeats, functions], taken in turns so that noise meets all of them alike."""
    seconds = np.empty((repeats, len(functions)))
    for function in functions:
        function()
        function()
    for repeat in range(repeats):
        for i, function in enumerate(functions):
            synchronize()
            started = time.perf_counter()
            function()
            synchronize()
            seconds[repeat, i] = time.perf_counter() - started
    return seconds


def synchronize() -> None:
    """Waits for the GPU, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def measure(objective: str, args: argparse.Namespace, precision: str) -> None:
    """Prints the median step, the median products, and the median ratio with its quartiles."""
    config = train_config(objective, args, precision)
    trainer = make_trainer(config, args)
    size = Size(args.heads, args.features, args.clusters, args.batch, args.hidden, args.bottleneck)
    products = step_products(
        objective,
        size,
        scales=config.scales or (1,),
        n_partners=trainer.objective.n_partners,
        n_student_views=2 if config.symmetric or objective == "scan" else 1,
        inner_steps=config.inner_steps or 0,
        dtype=torch.bfloat16 if precision == "bfloat16" else torch.float32,
        device="cuda" if torch.cuda.is_available() else "cpu",
    )

    def multiply() -> None:
        for product in products:
            product()

    with freed_memory_kept():
        seconds = time_interleaved([make_step(trainer), multiply], args.repeats)
    ratio = np.quantile(seconds[:, 0] / seconds[:, 1], [0.25, 0.5, 0.75])
    step_ms, products_ms = np.median(seconds, axis=0) * 1e3
    scales = "+".join(f"{scale:g}" for scale in config.scales or ())
    print(
        f"{objective:<16}{precision:>9}  scales {scales:<8} step {step_ms:8.1f} ms  "
        f"products {products_ms:8.1f} ms  ratio {ratio[1]:.2f} ({ratio[0]:.2f}-{ratio[2]:.2f})",
        flush=True,
    )


def main() -> None:
    """Measures every objective in both precisions."""
    parser = argparse.ArgumentParser(description=__doc__)
    sizes = {
        "heads": 50, "features": 1024, "clusters": 100, "batch": 1024, "hidden": 512,
        "bottleneck": 256,
    }  # fmt: skip
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--objectives", nargs="*", choices=OBJECTIVES, default=OBJECTIVES)
    parser.add_argument("--precisions", nargs="*", default=("float32", "bfloat16"))
    parser.add_argument("--scales", nargs="*", type=float, help="default: each objective's own")
    parser.add_argument("--smoothing", type=int, default=1, help="neighbours (m)")
    parser.add_argument("--symmetric", action="store_true", help="the two-way loss")
    parser.add_argument("--repeats", type=int, default=10)
    args = parser.parse_args()
    print(describe_machine())
    print(f"H={args.heads} D={args.features} C={args.clusters} B={args.batch} m={args.smoothing}")
    for objective in args.objectives:
        for precision in args.precisions:
            measure(objective, args, precision)


if __name__ == "__main__":
    main()
