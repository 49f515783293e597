"""Self-training against the bare matrix products of its steps."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.speed.cache_memory import SPEC
from benchmarks.speed.measurement import Measurement, Size, Work, against_each
from benchmarks.speed.training import device
from ucls.settings.config import SelfTrainConfig
from ucls.stages import self_train as stage
from ucls.training.linear import CHUNK, self_train


def self_training_ratios(
    size: Size, *, repeats: int, iterations: int = 50, batch_size: int = 1024
) -> list[Measurement]:
    """Times all linear classifiers, for fewer iterations than a run, against the products alone."""
    config = SelfTrainConfig(iterations=iterations, batch_size=batch_size)
    what = f"{iterations} iterations of {batch_size:,} images, {size.text('DC')}"
    ours = self_training(size, config, device())
    products = {"bare products": bare_products(size, config, device())}
    return against_each(f"self-training, {what}", ours, products, repeats=repeats)


def self_training(size: Size, config: SelfTrainConfig, where: torch.device | None = None) -> Work:
    """A whole self-training on made-up tokens."""
    tokens, labels = made_up_tokens(size)
    columns, n_clusters = token_columns(size.n_features), size.n_clusters
    return lambda: self_train(
        tokens, labels, columns, n_clusters=n_clusters, config=config, device=where
    )


def token_columns(n_features: int) -> dict[str, slice]:
    """The columns of the four feature sets of a ViT, as stage ``self-train`` lays them out."""
    return stage.token_columns(replace(SPEC, n_features=n_features // 2), "cls4+patch")


def made_up_tokens(size: Size) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.int32]]:
    """Tokens [N, 5 D / 2] and pseudo-labels [N], at random but for repeated rows."""
    rng = np.random.default_rng(0)
    n_images, width = size.n_images, token_columns(size.n_features)["cls4+patch"].stop
    block = rng.standard_normal((min(n_images, CHUNK), width), dtype=np.float32).astype(np.float16)
    tokens = np.resize(block, (n_images, width))
    return tokens, rng.integers(0, size.n_clusters, n_images, dtype=np.int32)


def bare_products(size: Size, config: SelfTrainConfig, where: torch.device) -> Work:
    """Logits and gradients of all iterations; once those of the images held out and the centre."""
    columns = token_columns(size.n_features)
    n_outputs = len(config.learning_rates) * size.n_clusters
    batch_size, iterations = config.batch_size or 0, config.iterations or 0
    n_held_out = round(config.holdout * size.n_images)
    n_rows = max(batch_size, min(CHUNK, n_held_out))
    features = torch.randn(n_rows, columns["cls4+patch"].stop, device=where)
    logits = torch.randn(n_rows, n_outputs, device=where)
    inputs = [features[:, span] for span in columns.values()]
    weights = [torch.randn(one.shape[1], n_outputs, device=where) for one in inputs]
    sets = list(zip(inputs, weights, map(torch.empty_like, weights), strict=True))

    def multiply() -> None:
        for rows, weight, gradient in sets:
            for _ in range(iterations):
                torch.mm(rows[:batch_size], weight, out=logits[:batch_size])
                torch.mm(rows[:batch_size].T, logits[:batch_size], out=gradient)
            for start in range(0, n_held_out, CHUNK):
                n_scored = min(CHUNK, n_held_out - start)
                torch.mm(rows[:n_scored], weight, out=logits[:n_scored])
            torch.mm(rows[:1], weight, out=logits[:1])

    return multiply
