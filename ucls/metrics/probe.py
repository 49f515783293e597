"""How good features are, with labels in sight: k-NN and linear probes of several protocols."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ucls.errors import UsageError
from ucls.metrics.knn import knn_votes
from ucls.progress import SILENT, Advance, Reporter, ignore_progress
from ucls.settings.config import SelfTrainConfig, required
from ucls.settings.probe import (
    HELD_OUT,
    NEIGHBORS,
    PROTOCOLS,
    LarsProtocol,
    LinearProtocol,
    ProtocolName,
)
from ucls.training.linear import LinearClassifier, self_train
from ucls.training.supervised import train_with_lars
from ucls.types import Figures, Labels
from ucls.wording import count


class Labelled(NamedTuple):
    """Images with known labels."""

    features: npt.NDArray[np.float32]
    """[N, D]."""
    labels: Labels
    """[N], from 0."""

    def of(self, rows: npt.NDArray[np.int64]) -> "Labelled":
        """Some of them."""
        return Labelled(self.features[rows], self.labels[rows])

    @classmethod
    def known(cls, features: npt.NDArray[np.float32], labels: Labels) -> "Labelled":
        """Those of all images whose label is not -1."""
        rows = np.flatnonzero(labels >= 0)
        return cls(features, labels) if len(rows) == len(labels) else cls(features, labels).of(rows)


def hold_out(images: Labelled, *, seed: int) -> tuple[Labelled, Labelled]:
    """Splits images into those to learn from and a random fifth, at least one, to score with."""
    kept, held_out = held_out_rows(len(images.labels), seed=seed)
    return images.of(kept), images.of(held_out)


def held_out_rows(
    n_images: int, *, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows to learn from, and those of a random fifth, at least one, to score with."""
    order = np.random.default_rng(seed).permutation(n_images)
    n_held_out = max(1, n_images // HELD_OUT)
    return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])


def check_probe(train: Labelled, val: Labelled) -> None:
    """Checks that there is something to learn and something to score.

    Raises:
        UsageError: fewer than two classes to learn from, or no labelled image to score.
    """
    n_classes = len(np.unique(train.labels))
    if n_classes < 2:
        raise UsageError(
            "expected labelled images of two classes or more to learn from, got "
            f"{count(len(train.labels), 'image')} of {count(n_classes, 'class')}: a probe tells "
            "classes apart, so give images of others too"
        )
    if len(val.labels) == 0:
        raise UsageError(
            "expected labelled images to score, got none among those of val: give their labels"
        )


def knn_figures(train: Labelled, val: Labelled, *, ks: Sequence[int] = NEIGHBORS) -> list[Figures]:
    """Accuracy on ``val`` of k-NN, by falling similarity of ``train``, for each k.

    A k above the number of training images is that number.

    Returns:
        ``k`` and the accuracies ``weighted`` and ``majority``, see :class:`KnnVotes`.
    """
    fitting = sorted({min(k, len(train.labels)) for k in ks})
    votes = knn_votes(train.features, train.labels, val.features, ks=fitting)
    return [
        {
            "k": k,
            **{
                kind: float((found == val.labels).mean())
                for kind, found in votes[k]._asdict().items()
            },
        }
        for k in fitting
    ]


def linear_figures(
    train: Labelled,
    val: Labelled,
    *,
    protocol: ProtocolName,
    seed: int = 0,
    device: torch.device | None = None,
    reporter: Reporter = SILENT,
) -> Figures:
    """Accuracy on ``val`` of linear classifiers trained on ``train`` by a protocol.

    The best of several learning rates is picked by the labels that it is scored with, as the papers
    do. ``thesis`` also has the classifier that a held-out tenth of ``train`` picks.

    Returns:
        ``protocol``, the best ``acc`` and its ``learning_rate``, ``by_rate`` all of them, and
        ``picked_on_train``, None where the protocol picks none so.
    """
    settings = PROTOCOLS[protocol]
    n_classes = int(max(train.labels.max(), val.labels.max())) + 1
    classifiers, picked = linear_classifiers(
        train, settings, n_classes=n_classes, seed=seed, device=device, reporter=reporter
    )
    by_rate = [
        {"learning_rate": rate, "acc": float((one.predict(val.features)[0] == val.labels).mean())}
        for rate, one in zip(settings.learning_rates, classifiers, strict=True)
    ]
    best = max(by_rate, key=lambda figures: figures["acc"])
    return {
        "protocol": protocol,
        **best,
        "by_rate": by_rate,
        "picked_on_train": None if picked is None else by_rate[picked],
    }


def linear_classifiers(
    train: Labelled,
    settings: LinearProtocol,
    *,
    n_classes: int,
    seed: int = 0,
    device: torch.device | None = None,
    reporter: Reporter = SILENT,
) -> tuple[Sequence[LinearClassifier], int | None]:
    """Trains classifiers by all rates of a protocol.

    Returns:
        The classifiers, and which of them is picked by a held-out tenth of ``train``; None where
        the protocol picks none so.
    """
    if isinstance(settings, LarsProtocol):
        with reporter.track("linear probe", settings.epochs, "epochs") as advance:
            classifiers = train_with_lars(
                *train, settings, n_classes=n_classes, seed=seed, device=device, advance=advance
            )
        return classifiers, None
    with reporter.track("linear probe", required(settings.iterations), "iterations") as advance:
        return sgd_classifiers(
            train, settings, n_classes=n_classes, seed=seed, device=device, advance=advance
        )


def sgd_classifiers(
    train: Labelled,
    config: SelfTrainConfig,
    *,
    n_classes: int,
    seed: int = 0,
    device: torch.device | None = None,
    advance: Advance = ignore_progress,
) -> tuple[Sequence[LinearClassifier], int]:
    """The classifiers of self-training, given true labels, and the one that a held-out part picks.

    Returns:
        One for each learning rate, and the place of the one that is picked.
    """
    trained = self_train(
        *train,
        {"features": slice(0, train.features.shape[1])},
        n_clusters=n_classes,
        config=config,
        seed=seed,
        device=device,
        advance=advance,
    )
    return trained.classifiers, trained.chosen
