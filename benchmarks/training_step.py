"""One training step against the bare matrix products that it needs.

Run: python -m benchmarks.training_step
"""

import argparse
import time
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch

from benchmarks.machine import describe_machine
from ucls.config import TrainConfig
from ucls.graph import NeighborGraph
from ucls.memory import freed_memory_kept
from ucls.training import HeadTrainer


class Size(NamedTuple):
    """The size of a step."""

    n_heads: int
    n_features: int
    n_clusters: int
    batch_size: int
    n_neighbors: int
    hidden_dim: int = 512
    bottleneck_dim: int = 256

    @property
    def layers(self) -> list[tuple[int, int]]:
        """(input, output) width of each layer of a head."""
        widths = (
            self.n_features,
            self.hidden_dim,
            self.hidden_dim,
            self.bottleneck_dim,
            self.n_clusters,
        )
        return list(pairwise(widths))


def make_trainer(size: Size, precision: str) -> HeadTrainer:
    """A trainer on random features with ten random neighbours each."""
    rng = np.random.default_rng(0)
    n_images, k = 8 * size.batch_size, 10
    features = rng.standard_normal((n_images, size.n_features), dtype=np.float32)
    graph = NeighborGraph(
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
    config = TrainConfig.model_validate(
        {
            "n_heads": size.n_heads,
            "hidden_dim": size.hidden_dim,
            "bottleneck_dim": size.bottleneck_dim,
            "batch_size": size.batch_size,
            "epochs": 100,
            "warmup_epochs": 10,
            "learning_rate": 1e-3,
            "teacher_momentum": 0.99,
            "n_smoothing": size.n_neighbors,
            "precision": precision,
        }
    )
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return HeadTrainer(features, graph, config, n_clusters=size.n_clusters, seed=0, device=device)


def make_matmuls(size: Size, precision: str) -> Callable[[], None]:
    """The products of one step: the teacher on all views; the student forth and back on x.

    Each layer's products have the very shapes of the step. The gradient with respect to the
    features is not needed.
    """
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    device = "cuda" if torch.cuda.is_available() else "cpu"

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(shape, device=device).to(dtype)

    heads, batch, views = size.n_heads, size.batch_size, 1 + size.n_neighbors
    weights = [random(heads, fan_in, fan_out) for fan_in, fan_out in size.layers]
    inputs = [random(heads, batch * views, fan_in) for fan_in, _ in size.layers]
    inputs[0] = inputs[0][:1].expand_as(inputs[0])
    slopes = [random(heads, batch, fan_out) for _, fan_out in size.layers]

    def run() -> None:
        for layer, (weight, x, slope) in enumerate(zip(weights, inputs, slopes, strict=True)):
            torch.bmm(x, weight)
            seen_by_student = x[:, :batch]
            torch.bmm(seen_by_student, weight)
            torch.bmm(seen_by_student.transpose(1, 2), slope)
            if layer > 0:
                torch.bmm(slope, weight.transpose(1, 2))

    return run


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


def measure(size: Size, precision: str, repeats: int) -> None:
    """Prints the median step, the median products, and the median ratio with its quartiles."""
    trainer = make_trainer(size, precision)
    rows = torch.arange(size.batch_size, device=trainer.device)
    generator = torch.Generator(trainer.device).manual_seed(0)
    step = 0

    def take_step() -> None:
        nonlocal step
        trainer.step(rows, step, generator)
        step += 1

    with freed_memory_kept():
        seconds = time_interleaved([take_step, make_matmuls(size, precision)], repeats)
    ratio = np.quantile(seconds[:, 0] / seconds[:, 1], [0.25, 0.5, 0.75])
    step_ms, matmul_ms = np.median(seconds, axis=0) * 1e3
    print(
        f"{precision:>8}  m={size.n_neighbors}  step {step_ms:7.1f} ms  "
        f"matmuls {matmul_ms:7.1f} ms  ratio {ratio[1]:.2f} ({ratio[0]:.2f}-{ratio[2]:.2f})"
    )


def main() -> None:
    """Measures both precisions, with one neighbour and with four."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("heads", 16), ("features", 1024), ("clusters", 100), ("batch", 256)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--repeats", type=int, default=20)
    args = parser.parse_args()
    print(describe_machine())
    print(f"H={args.heads} D={args.features} C={args.clusters} B={args.batch}")
    for n_neighbors in (1, 4):
        size = Size(args.heads, args.features, args.clusters, args.batch, n_neighbors)
        for precision in ("float32", "bfloat16"):
            measure(size, precision, args.repeats)


if __name__ == "__main__":
    main()
