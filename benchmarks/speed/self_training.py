"""Self-training against the bare matrix products of its steps."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.speed.measurement import Measurement, against_each
from ucls.settings.config import SelfTrainConfig
from ucls.training.linear import CHUNK, self_train

N_BLOCKS = 4


def self_training_ratios(
    n_images: int,
    n_features: int,
    n_clusters: int,
    *,
    repeats: int,
    iterations: int = 50,
    batch_size: int = 1024,
) -> list[Measurement]:
    """Times all linear classifiers for some iterations against the products that these need.

    Each iteration takes two products for each feature set: the logits, and the gradient of the
    weights. The images held out take the logits once. The reference takes these, with the very
    shapes and into memory that is there already; ours also draws batches, takes the softmax, moves
    the weights, finds the scale of the features and chooses a classifier.

    Args:
        n_images: N.
        n_features: D, of a class token and a patch mean side by side; even.
        n_clusters: C.
        repeats: turns that are timed.
        iterations: fewer than the 12,500 of a run, so that what is done once weighs more.
        batch_size: B.
    """
    tokens, labels = made_up_tokens(n_images, n_features, n_clusters)
    columns = token_columns(n_features)
    config = SelfTrainConfig(iterations=iterations, batch_size=batch_size)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    multiply = bare_products(columns, n_clusters, config, n_images=n_images, device=device)
    return against_each(
        f"self-training, {iterations} iterations of {batch_size:,} images, D={n_features:,}, "
        f"C={n_clusters:,}",
        lambda: self_train(
            tokens, labels, columns, n_clusters=n_clusters, config=config, device=device
        ),
        {"bare products": multiply},
        repeats=repeats,
    )


def token_columns(n_features: int) -> dict[str, slice]:
    """The columns of the four feature sets of a ViT, as stage ``self-train`` lays them out."""
    width = n_features // 2
    last = (N_BLOCKS - 1) * width
    return {
        "cls": slice(last, last + width),
        "cls+patch": slice(last, last + 2 * width),
        "cls4": slice(0, N_BLOCKS * width),
        "cls4+patch": slice(0, (N_BLOCKS + 1) * width),
    }


def made_up_tokens(
    n_images: int, n_features: int, n_clusters: int, *, seed: int = 0
) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.int32]]:
    """Tokens float16 [N, 5 D / 2] and pseudo-labels int32 [N], at random but for repeated rows."""
    rng = np.random.default_rng(seed)
    width = token_columns(n_features)["cls4+patch"].stop
    block = rng.standard_normal((min(n_images, CHUNK), width), dtype=np.float32).astype(np.float16)
    tokens = np.resize(block, (n_images, width))
    return tokens, rng.integers(0, n_clusters, n_images, dtype=np.int32)


def bare_products(
    columns: Mapping[str, slice],
    n_clusters: int,
    config: SelfTrainConfig,
    *,
    n_images: int,
    device: torch.device,
) -> Callable[[], None]:
    """The products of a whole self-training, float32.

    Args:
        columns: of each feature set.
        n_clusters: C.
        config: with its iterations and batch size.
        n_images: N, of which a share is held out.
        device: where they are taken.
    """
    n_outputs = len(config.learning_rates) * n_clusters
    batch_size, iterations = config.batch_size or 0, config.iterations or 0
    n_held_out = round(config.holdout * n_images)
    n_rows = max(batch_size, min(CHUNK, n_held_out))

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(shape, device=device)

    features = random(n_rows, max(span.stop for span in columns.values()))
    logits = random(n_rows, n_outputs)
    weights = {name: random(s.stop - s.start, n_outputs) for name, s in columns.items()}
    gradients = {name: torch.empty_like(weight) for name, weight in weights.items()}

    def forward(name: str, rows: int) -> None:
        torch.mm(features[:rows, columns[name]], weights[name], out=logits[:rows])

    def multiply() -> None:
        for name in columns:
            for _ in range(iterations):
                forward(name, batch_size)
                inputs = features[:batch_size, columns[name]]
                torch.mm(inputs.T, logits[:batch_size], out=gradients[name])
            for start in range(0, n_held_out, CHUNK):
                forward(name, min(CHUNK, n_held_out - start))

    return multiply
