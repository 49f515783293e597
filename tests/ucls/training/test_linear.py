import re

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch.nn import functional as F

from ucls.errors import UsageError
from ucls.settings.config import SelfTrainConfig
from ucls.training.linear import LinearClassifier, SelfTrained, self_train

CLUSTERS = 3
CONFIG = SelfTrainConfig(
    learning_rates=(0.01, 0.1, 1.0), iterations=30, batch_size=16, holdout=0.25
)
COLUMNS = {"narrow": slice(4, 8), "wide": slice(0, 8)}

Tokens = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int32]
Weights = npt.NDArray[np.floating]

all_seeds = pytest.mark.parametrize("seed", range(3))


def labelled_tokens(
    seed: int, n_images: int = 80, noise: float = 0.3
) -> tuple[npt.NDArray[np.float32], Labels]:
    """Each cluster is a direction, shown by the last four columns and by the first four."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n_images) % CLUSTERS).astype(np.int32)
    centers = np.tile(np.eye(4)[:CLUSTERS], 2)
    tokens = centers[labels] + noise * rng.normal(size=(n_images, 8))
    return (30 * tokens).astype(np.float32), labels


def fit(
    seed: int,
    tokens: Tokens,
    labels: Labels,
    columns: dict[str, slice] = COLUMNS,
    config: SelfTrainConfig = CONFIG,
    *,
    weights: Weights | None = None,
) -> SelfTrained:
    return self_train(
        tokens, labels, columns, n_clusters=CLUSTERS, config=config, weights=weights, seed=seed
    )


def split_rows(seed: int, labels: Labels) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The training rows and the held-out rows, as the seed draws them."""
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(labels >= 0))
    n_held_out = round(CONFIG.holdout * len(rows))
    return np.sort(rows[n_held_out:]), np.sort(rows[:n_held_out])


def logits_of(classifier: LinearClassifier, features: Tokens) -> torch.Tensor:
    scaled = torch.from_numpy(features * np.float32(classifier.scale))
    return scaled @ torch.from_numpy(classifier.weight) + torch.from_numpy(classifier.bias)


@all_seeds
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_learns_separable_pseudo_labels(seed: int, dtype: type) -> None:
    tokens, labels = labelled_tokens(seed, noise=0.1)
    result = fit(seed, tokens.astype(dtype), labels)
    chosen = result.candidates[result.chosen]
    fresh, fresh_labels = labelled_tokens(seed + 100, noise=0.1)
    predicted, confidence = result.classifiers[result.chosen].predict(
        fresh[:, COLUMNS[chosen.feature_set]]
    )
    np.testing.assert_array_equal(predicted, fresh_labels)
    assert predicted.dtype == np.int32
    assert 1 / CLUSTERS < confidence.min() <= confidence.max() <= 1.0
    assert result.agreement[result.chosen] == 1.0


@all_seeds
@pytest.mark.parametrize("weighted", [False, True])
def test_equals_autograd_and_torchs_sgd(seed: int, weighted: bool) -> None:
    tokens, labels = labelled_tokens(seed)
    weights = np.ones(len(labels))
    if weighted:
        weights = np.random.default_rng(seed).uniform(0.1, 3.0, len(labels))
    result = fit(seed, tokens, labels, weights=weights if weighted else None)
    training, _ = split_rows(seed, labels)
    relative = torch.from_numpy(weights[training] / weights[training].mean()).float()
    scale = 1.0 / np.sqrt(tokens[training].astype(np.float64).var(axis=0).mean())
    centre = torch.from_numpy(tokens[training].mean(axis=0) * scale).float()
    inputs = torch.from_numpy(tokens[training]) * scale - centre
    targets = torch.from_numpy(labels[training]).long()
    generator = torch.Generator().manual_seed(seed)
    initial = {
        name: 0.01 * torch.randn(cols.stop - cols.start, 3, CLUSTERS, generator=generator)
        for name, cols in COLUMNS.items()
    }
    batches = [torch.randint(len(training), (16,), generator=generator) for _ in range(30)]
    for candidate, classifier in zip(result.candidates, result.classifiers, strict=True):
        cols = COLUMNS[candidate.feature_set]
        linear = torch.nn.Linear(cols.stop - cols.start, CLUSTERS)
        rate = CONFIG.learning_rates.index(candidate.learning_rate)
        linear.weight.data = initial[candidate.feature_set][:, rate].T.clone()
        linear.bias.data.zero_()
        sgd = torch.optim.SGD(linear.parameters(), candidate.learning_rate * 16 / 256, momentum=0.9)
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, 30)
        for rows in batches:
            sgd.zero_grad()
            logits = linear(inputs[rows][:, cols])
            loss = F.cross_entropy(logits, targets[rows], reduction="none")
            (relative[rows] * loss).mean().backward()
            sgd.step()
            cosine.step()
        np.testing.assert_allclose(classifier.weight, linear.weight.detach().T, atol=1e-4)
        bias = (linear.bias - linear.weight @ centre[cols]).detach()
        np.testing.assert_allclose(classifier.bias, bias, atol=1e-4)
        assert classifier.scale == pytest.approx(scale)


@all_seeds
def test_doubtful_pseudo_labels_count_less(seed: int) -> None:
    """More than half of one cluster is labelled wrongly, and known to be doubtful."""
    tokens, truth = labelled_tokens(seed, n_images=300, noise=0.1)
    wrong = (truth == 0) & (np.random.default_rng(seed).random(300) < 0.6)
    labels = np.where(wrong, 1, truth).astype(np.int32)
    doubtful = np.where(wrong, 0.2, 1.0)
    shares = []
    for weights in (None, doubtful):
        result = fit(seed, tokens, labels, weights=weights)
        best = result.classifiers[result.candidates.index(("wide", 1.0))]
        shares.append(float((best.predict(tokens[:, COLUMNS["wide"]])[0] == truth).mean()))
    assert shares[1] == 1.0 > shares[0]


@all_seeds
def test_only_the_ratios_of_weights_matter(seed: int) -> None:
    tokens, labels = labelled_tokens(seed)
    weights = np.random.default_rng(seed).integers(1, 8, len(labels)) / 8
    first = fit(seed, tokens, labels, weights=weights)
    assert equal(first, fit(seed, tokens, labels, weights=(4 * weights).astype(np.float16)))
    assert equal(fit(seed, tokens, labels), fit(seed, tokens, labels, weights=np.ones(len(labels))))
    assert not equal(first, fit(seed, tokens, labels))


@all_seeds
def test_weight_zero_is_like_no_pseudo_label(seed: int) -> None:
    tokens, labels = labelled_tokens(seed)
    missing, weights = labels.copy(), np.ones(len(labels))
    missing[::5], weights[::5] = -1, 0.0
    assert equal(fit(seed, tokens, missing), fit(seed, tokens, labels, weights=weights))


@all_seeds
@pytest.mark.parametrize("noise", [0.05, 0.4])
@pytest.mark.parametrize("chunk", [4096, 7])
def test_chooses_by_agreement_and_then_by_cross_entropy(
    seed: int, noise: float, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ucls.training.linear.CHUNK", chunk)
    tokens, labels = labelled_tokens(seed, noise=noise)
    weights = np.random.default_rng(seed).uniform(0.5, 1.0, len(labels))
    result = fit(seed, tokens, labels, weights=weights)
    _, held_out = split_rows(seed, labels)
    targets = torch.from_numpy(labels[held_out]).long()
    agreement, cross_entropy = [], []
    for candidate, classifier in zip(result.candidates, result.classifiers, strict=True):
        logits = logits_of(classifier, tokens[held_out, COLUMNS[candidate.feature_set]])
        agreement.append(float((logits.argmax(dim=1) == targets).float().mean()))
        cross_entropy.append(float(F.cross_entropy(logits, targets)))
    np.testing.assert_allclose(result.agreement, agreement, rtol=1e-6)
    best = min(range(6), key=lambda i: (-agreement[i], cross_entropy[i]))
    assert result.chosen == best
    if noise < 0.1:
        assert agreement.count(1.0) > 1


def test_candidates_come_by_feature_set_and_then_by_learning_rate() -> None:
    result = fit(0, *labelled_tokens(0))
    assert [tuple(candidate) for candidate in result.candidates] == [
        (name, rate) for name in COLUMNS for rate in CONFIG.learning_rates
    ]
    widths = [len(classifier.weight) for classifier in result.classifiers]
    assert widths == [4, 4, 4, 8, 8, 8]


@all_seeds
def test_images_without_a_pseudo_label_are_left_out(seed: int) -> None:
    tokens, labels = labelled_tokens(seed)
    spoilt, missing = tokens.copy(), labels.copy()
    missing[::5] = -1
    spoilt[::5] = 1e6
    first, second = fit(seed, tokens, missing), fit(seed, spoilt, missing)
    assert equal(first, second)
    assert not equal(first, fit(seed, tokens, labels))


@all_seeds
def test_a_feature_set_uses_its_own_columns_only(seed: int) -> None:
    tokens, labels = labelled_tokens(seed)
    columns = {"narrow": slice(4, 8), "first": slice(0, 4)}
    spoilt = tokens.copy()
    # Permuted, so that the scale, which is common to all columns, stays.
    spoilt[:, :4] = np.random.default_rng(seed).permutation(spoilt[:, :4].ravel()).reshape(-1, 4)
    config = CONFIG.model_copy(update={"holdout": 0.01})
    first, second = (fit(seed, t, labels, columns, config) for t in (tokens, spoilt))
    for i in range(3):
        np.testing.assert_allclose(
            first.classifiers[i].weight, second.classifiers[i].weight, rtol=0.05, atol=1e-3
        )
        assert np.abs(first.classifiers[3 + i].weight - second.classifiers[3 + i].weight).max() > (
            1e-3
        )


def equal(first: SelfTrained, second: SelfTrained) -> bool:
    return first.chosen == second.chosen and all(
        np.array_equal(a.weight, b.weight) and np.array_equal(a.bias, b.bias)
        for a, b in zip(first.classifiers, second.classifiers, strict=True)
    )


def test_same_seed_twice_is_equal_and_another_seed_is_not() -> None:
    tokens, labels = labelled_tokens(0)
    assert equal(fit(5, tokens, labels), fit(5, tokens, labels))
    assert not equal(fit(5, tokens, labels), fit(6, tokens, labels))


@all_seeds
@pytest.mark.parametrize("size", [1e-30, 1e3, 1e30])
def test_the_size_of_the_features_does_not_matter(seed: int, size: float) -> None:
    tokens, labels = labelled_tokens(seed)
    sized = tokens * np.float32(size)
    for a, b in zip(
        fit(seed, tokens, labels).classifiers, fit(seed, sized, labels).classifiers, strict=True
    ):
        np.testing.assert_allclose(a.weight, b.weight, atol=1e-4)
        assert a.scale == pytest.approx(size * b.scale, rel=1e-5)
        np.testing.assert_array_equal(
            a.predict(tokens[:, : len(a.weight)])[0], b.predict(sized[:, : len(b.weight)])[0]
        )


@all_seeds
def test_features_far_from_zero_are_learned(seed: int) -> None:
    tokens, labels = labelled_tokens(seed, noise=0.1)
    far = (tokens + 1e3).astype(np.float32)
    result = fit(seed, far, labels)
    chosen = result.candidates[result.chosen]
    predicted, _ = result.classifiers[result.chosen].predict(far[:, COLUMNS[chosen.feature_set]])
    assert (predicted == labels).mean() > 0.98


def test_a_classifier_that_blew_up_is_not_chosen() -> None:
    tokens, labels = labelled_tokens(0)
    config = CONFIG.model_copy(update={"learning_rates": (3e38, 0.1), "batch_size": 256})
    result = fit(0, tokens, labels, config=config)
    assert not np.isfinite(result.classifiers[0].weight).all()
    assert result.candidates[result.chosen].learning_rate == 0.1


@pytest.mark.parametrize("n_labelled", [0, 1])
def test_too_few_pseudo_labels(n_labelled: int) -> None:
    tokens, labels = labelled_tokens(0)
    labels[n_labelled:] = -1
    expected = re.escape(f"needs at least 2 images with a pseudo-label, but there are {n_labelled}")
    with pytest.raises(UsageError, match=expected):
        fit(0, tokens, labels)


def test_pseudo_labels_below_minus_one_are_refused() -> None:
    tokens, labels = labelled_tokens(0)
    labels[3] = -2
    with pytest.raises(UsageError, match=r"pseudo_labels must be numbers from 0, or -1 .* got -2"):
        fit(0, tokens, labels)


def test_two_images_are_enough_and_every_iteration_is_told() -> None:
    tokens, labels = labelled_tokens(0, n_images=2)
    told: list[int] = []
    result = self_train(
        tokens,
        labels,
        COLUMNS,
        n_clusters=CLUSTERS,
        config=CONFIG,
        advance=lambda amount=1, /, **_: told.append(amount),
    )
    assert sum(told) == CONFIG.iterations
    assert np.isfinite(result.agreement).all()


@all_seeds
def test_predictions_are_the_softmax_in_chunks(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ucls.training.linear.CHUNK", 7)
    rng = np.random.default_rng(seed)
    weight, bias = rng.normal(size=(4, 3)).astype(np.float32), np.float32([0.5, -1.0, 0.0])
    features = rng.normal(size=(30, 4)).astype(np.float16)
    labels, confidence = LinearClassifier(weight, bias, 2.0).predict(features)
    logits = features.astype(np.float64) * 2.0 @ weight + bias
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_array_equal(labels, probs.argmax(axis=1))
    np.testing.assert_allclose(confidence, probs.max(axis=1), rtol=1e-5)


def test_shares_are_the_softmax_that_predictions_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ucls.training.linear.CHUNK", 7)
    tokens, labels = labelled_tokens(0)
    classifier = fit(0, tokens, labels).classifiers[-1]
    parts = list(classifier.shares(tokens))
    assert [len(part) for part in parts] == [7] * 11 + [3]
    shares = np.concatenate(parts)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    clusters, probability = classifier.predict(tokens)
    np.testing.assert_array_equal(shares.argmax(axis=1), clusters)
    np.testing.assert_array_equal(shares.max(axis=1), probability)
