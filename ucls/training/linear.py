"""Linear classifiers on pseudo-labels (thesis 6.2, after DINOv2's linear evaluation)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from ucls.errors import UsageError
from ucls.preparation.columns import ColumnStatistics
from ucls.progress import Advance, ignore_progress
from ucls.ranks import collected, dealt
from ucls.schedules import scale_to_batch, warmup_cosine
from ucls.settings.config import SelfTrainConfig, required
from ucls.training.bank import ClassifierBank, Rows, Targets
from ucls.types import Labels, check_labels

CHUNK = 4096

Features = npt.NDArray[np.floating]
Weights = npt.NDArray[np.floating]


class Table(Protocol):
    """Rows of features that need not all be in memory, [N, W]; as an array, but by rows alone."""

    def __len__(self) -> int:
        """N."""

    def __getitem__(self, rows: Rows | slice, /) -> Features:
        """Some of the rows."""


class Candidate(NamedTuple):
    """What sets one classifier apart from the others."""

    feature_set: str
    learning_rate: float
    """For a batch of 256."""


@dataclass(frozen=True)
class LinearClassifier:
    """softmax(x W + b) on scaled features.

    Attributes:
        weight: float32 [D', C].
        bias: float32 [C].
        scale: the features are multiplied by it.
    """

    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    scale: float

    def predict(
        self,
        features: Features | Table,
        columns: slice = slice(None),
        *,
        groups: npt.NDArray[np.bool_] | None = None,
    ) -> tuple[Labels, npt.NDArray[np.float32]]:
        """Labels features by their columns, [N, D']: clusters int32 [N], their probability [N].

        With ``groups``, whether a cluster is of a group, [C, G], groups are told.
        """
        labels, confidence = [], []
        for shares in self._shares(features, columns, groups):
            best = shares.max(dim=1)
            labels.append(best.indices.int())
            confidence.append(best.values)
        return torch.cat(labels).numpy(), torch.cat(confidence).numpy()

    def shares(
        self, features: Features | Table, *, groups: npt.NDArray[np.bool_] | None = None
    ) -> Iterator[npt.NDArray[np.float32]]:
        """The probability of every cluster for features [N, D'], some rows at a time: [n, C]."""
        for shares in self._shares(features, slice(None), groups):
            yield shares.numpy()

    def _shares(
        self, features: Features | Table, columns: slice, groups: npt.NDArray[np.bool_] | None
    ) -> Iterator[torch.Tensor]:
        summed = None if groups is None else torch.from_numpy(groups).float()
        weight, bias = torch.from_numpy(self.weight), torch.from_numpy(self.bias)
        for start in range(0, len(features), CHUNK):
            rows = features[start : start + CHUNK]
            chunk = torch.from_numpy(np.array(rows[:, columns], np.float32))
            logits = chunk.mul_(self.scale) @ weight + bias
            shares = logits.softmax(dim=1)
            yield shares if summed is None else shares @ summed


@dataclass(frozen=True)
class SelfTrained:
    """All classifiers of one self-training and the label-free choice among them.

    Attributes:
        candidates: one per classifier, M in all.
        classifiers: in the same order.
        agreement: [M], share of held-out pseudo-labels that each meets.
        chosen: index of the classifier with the highest agreement; on a tie, with the lowest
            held-out cross-entropy.
    """

    candidates: tuple[Candidate, ...]
    classifiers: tuple[LinearClassifier, ...]
    agreement: npt.NDArray[np.float32]
    chosen: int


def self_train(
    tokens: Features | Table,
    pseudo_labels: Labels,
    columns: dict[str, slice],
    *,
    n_clusters: int,
    config: SelfTrainConfig,
    weights: Weights | None = None,
    seed: int = 0,
    device: torch.device | None = None,
    advance: Advance = ignore_progress,
) -> SelfTrained:
    """Trains a classifier per feature set and learning rate, all in one pass, and picks one.

    The papers pick by validation labels. Here a share of the rows is held out, and the
    classifier that meets their pseudo-labels best is chosen.

    Processes that share it (torchrun) train the classifiers of some feature sets each; all have all
    of them in the end.

    Weights count in the cross-entropy only. Doubtful pseudo-labels would pull a classifier towards
    their errors; in the choice such errors lower all agreements alike, and with weights it would
    rest on fewer images.

    Args:
        tokens: [N, W], every token of an image side by side.
        pseudo_labels: [N], in 0..C-1; -1 is left out.
        columns: the columns of each feature set in ``tokens``.
        n_clusters: C.
        config: all fields set.
        weights: how much each pseudo-label counts in the cross-entropy, [N], at least 0; only
            their ratios matter. Images with 0 are left out. None: all alike.
        seed: of the split, the initial weights and the batches.
        device: where to train; the CPU if None.
        advance: told of every iteration.

    Raises:
        UsageError: if fewer than two images have a pseudo-label that counts, or one is below -1.
    """
    check_labels("pseudo_labels", pseudo_labels)
    device = device or torch.device("cpu")
    weights = np.ones(len(tokens)) if weights is None else weights.astype(np.float64)
    rows = np.flatnonzero((pseudo_labels >= 0) & (weights > 0))
    training, held_out = _hold_out(rows, config.holdout, seed=seed)
    statistics = ColumnStatistics.of(
        torch.from_numpy(tokens[training[start : start + CHUNK]]).to(device)
        for start in range(0, len(training), CHUNK)
    )
    targets = Targets(
        labels=torch.from_numpy(pseudo_labels.astype(np.int64)).to(device),
        weights=torch.from_numpy(weights / weights[training].mean()).float().to(device),
    )
    generator = torch.Generator().manual_seed(seed)
    banks = [
        ClassifierBank(
            cols,
            n_clusters,
            learning_rates=config.learning_rates,
            momentum=config.momentum,
            generator=generator,
            device=device,
        )
        for cols in columns.values()
    ]
    own = dealt(banks)
    _fit(
        own,
        tokens,
        targets,
        rows=training,
        statistics=statistics,
        config=config,
        generator=generator,
        advance=advance,
    )
    held_out_scores = _score_held_out(own, tokens, targets, held_out, statistics)
    parts = collected([list(bank.parts(statistics)) for bank in own])
    scores = _Scores(*map(torch.cat, zip(*collected(held_out_scores), strict=True)))
    return SelfTrained(
        candidates=tuple(Candidate(f, lr) for f in columns for lr in config.learning_rates),
        classifiers=tuple(
            LinearClassifier(weight, bias, statistics.scale)
            for of_bank in parts
            for weight, bias in of_bank
        ),
        agreement=scores.agreement.numpy(),
        chosen=scores.best(),
    )


def _hold_out(rows: Rows, share: float, *, seed: int) -> tuple[Rows, Rows]:
    """Splits rows into those to train with and a share to choose with; at least one each."""
    if len(rows) < 2:
        raise UsageError(
            f"self-training needs at least 2 images with a pseudo-label, but there are {len(rows)}"
        )
    shuffled = np.random.default_rng(seed).permutation(rows)
    n_held_out = min(max(1, round(share * len(rows))), len(rows) - 1)
    return np.sort(shuffled[n_held_out:]), np.sort(shuffled[:n_held_out])


class _Scores(NamedTuple):
    agreement: torch.Tensor
    cross_entropy: torch.Tensor

    def best(self) -> int:
        """The highest agreement; on a tie the lowest cross-entropy."""
        order = np.lexsort((self.cross_entropy.numpy(), -self.agreement.numpy()))
        return int(order[0])


def _score_held_out(
    banks: Sequence[ClassifierBank],
    tokens: Features | Table,
    targets: Targets,
    rows: Rows,
    statistics: ColumnStatistics,
) -> list[_Scores]:
    """Scores every bank's classifiers, a chunk of rows at a time: logits [n, R, C] can be large."""
    sums = []
    for start in range(0, len(rows), CHUNK):
        some = rows[start : start + CHUNK]
        chunk = statistics.standardize(torch.from_numpy(tokens[some]))
        labels = targets.of(some).labels
        sums.append([_score(bank.logits(chunk), labels).double().cpu() for bank in banks])
    found = [torch.stack(of_bank).sum(dim=0) / len(rows) for of_bank in zip(*sums, strict=True)]
    return [
        _Scores(agreement.float(), cross_entropy.nan_to_num(torch.inf))
        for agreement, cross_entropy in found
    ]


def _score(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Agreement with and cross-entropy to labels [n] of logits [n, R, C], summed. [2, R]."""
    hits = (logits.argmax(dim=-1) == labels[:, None]).sum(dim=0)
    repeated = labels[:, None].expand(logits.shape[:2])
    loss = F.cross_entropy(logits.flatten(0, 1), repeated.flatten(), reduction="none")
    return torch.stack([hits, loss.view_as(repeated).sum(dim=0)])


@torch.no_grad()
def _fit(
    banks: Sequence[ClassifierBank],
    tokens: Features | Table,
    targets: Targets,
    *,
    rows: Rows,
    statistics: ColumnStatistics,
    config: SelfTrainConfig,
    generator: torch.Generator,
    advance: Advance,
) -> None:
    iterations, batch_size = required(config.iterations), required(config.batch_size)
    for iteration in range(iterations):
        drawn = torch.randint(len(rows), (batch_size,), generator=generator)
        batch_rows = rows[drawn.numpy()]
        batch = statistics.standardize(torch.from_numpy(tokens[batch_rows]))
        relative_rate = scale_to_batch(
            warmup_cosine(iteration, peak=1.0, final=0.0, warmup_steps=0, total_steps=iterations),
            batch_size,
        )
        for bank in banks:
            bank.step(batch, targets.of(batch_rows), relative_rate)
        advance(1)
