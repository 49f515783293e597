"""Settings that fit the size of the data."""

from collections.abc import Mapping
from functools import reduce
from typing import Literal

from ucls.backbones.families import family_of
from ucls.settings.config import Config, required
from ucls.settings.data_facts import DataFacts
from ucls.settings.fitting_train import fitting_training

MAX_LOGITS = 4096


def autoconfigure(config: Config, facts: DataFacts) -> Config:
    """Fills in every setting that the user (or a preset) left open.

    The papers' settings do not carry over to small data: a teacher with momentum 0.996 has not
    moved after 700 steps, and 50 neighbours of an image with 10 kin are mostly wrong. The rules
    below shrink with the data; ``--preset`` gives the papers' own:

    ``neighbors.prepare``
        ``auto``, and ``none`` for pixels, where 0 is black, and for DINOv2, on whose tokens as they
        are the thesis's threshold was measured. See :func:`ucls.preparation.fitting.fit_space`.
    ``neighbors.k``
        A fourteenth of a balanced cluster's N / C images, between 3 and the papers' 50: the
        nearest few are much purer than the rest of the cluster, and they still link up. With
        ``neighbors.widen`` there are more where most images lie in bursts of near-duplicates.
    ``neighbors.threshold``
        0.3 for DINOv2, on whose cosines the thesis measured it (table 6.16). Cosines of other
        features lie elsewhere, so there it is ``typical``: the median similarity of an image to
        its k-th neighbour, which lets images in dense regions have more than k.
    ``train``
        See :mod:`ucls.settings.fitting_train`.
    ``merge.linkage``
        ``auto``: what a user's own data needs is not known, and merging helped or did no harm on
        all that it was tried on.
    ``effort``
        ``normal``, or what fits the time limit, which has no part from then on.
    ``ensemble.heads``
        All: of eight heads the half with the lowest loss made the worse consensus on most sets that
        were tried (on CNN features of CIFAR-100 0.467, not 0.490).
    ``self_train.inputs``
        Tokens for a ViT, as in DINOv2's linear evaluation. Raw pixels and features of unknown
        origin need not be linearly separable, and a linear classifier on them loses much of what
        the heads have learned; there it sees the heads' logits instead, while they are few
        (up to 4,096).
    ``self_train.batch_size``, ``self_train.iterations``
        As for the heads, up to DINOv2's 1024; and DINOv2's 10 epochs of it, between 200 and its
        12,500. The rate falls to 0 over them. With at least 300, 100 epochs of 13 rates were better
        by up to 0.004 in single runs, by 0.0015 in the mean of five, on digits and six sets of
        4,000 to 10,000 images.
    ``evaluate.kmeans_restarts``
        10, or as many as are fitted in seconds (N * C * D of all up to 2e8), at least 1.

    Args:
        config: what was asked for; every value that is not None is kept as it is.
        facts: sizes and device.

    Returns:
        The same settings with no open field outside of ``extract`` and ``features``.
    """
    per_cluster = facts.n_images / facts.n_clusters
    first: dict[str, object] = {
        "effort": facts.effort,
        "n_clusters": facts.n_clusters,
        "neighbors.prepare": fitting_preparation(facts),
        "neighbors.k": min(50, max(3, round(per_cluster / 14)), facts.n_images - 1),
        "merge.linkage": "auto",
        "ensemble.heads": "all",
        "evaluate.kmeans_restarts": fitting_restarts(facts),
    }
    config = fill(config.model_copy(update={"time_limit": None}), first)
    is_as_it_is = config.neighbors.prepare == "none" and not config.neighbors.apart_from
    is_of_thesis = "dinov2" in facts.backbone and is_as_it_is
    config = fill(config, {"neighbors.threshold": 0.3 if is_of_thesis else "typical"})
    train = {f"train.{name}": value for name, value in fitting_training(config, facts).items()}
    config = fill(config, train)
    batch_size = config.self_train.batch_size or min(1024, required(config.train.batch_size))
    self_train: dict[str, object] = {
        "self_train.inputs": fitting_inputs(config, facts),
        "self_train.batch_size": batch_size,
        "self_train.iterations": min(12_500, max(200, 10 * facts.n_images // batch_size)),
    }
    return fill(config, self_train)


def fitting_preparation(facts: DataFacts) -> Literal["auto", "none"]:
    """To be chosen, unless every feature space is left as it is."""
    return "none" if all(map(is_left_alone, facts.backbone.split(","))) else "auto"


def is_left_alone(backbone: str) -> bool:
    """Whether the features of a backbone are taken as they are where nothing is asked for."""
    return backbone == "pixels" or "dinov2" in backbone


def fill(config: Config, values: Mapping[str, object]) -> Config:
    """Sets those settings that are open."""
    return config.with_values({n: v for n, v in values.items() if is_open(config, n)})


def fitting_inputs(config: Config, facts: DataFacts) -> Literal["heads", "tokens"]:
    """The heads' logits for raw features, while they are few."""
    is_raw = facts.backbone == "features" or not family_of(facts.backbone).has_weights
    per_network = sum(required(config.train.scales)) * facts.n_clusters
    n_logits = required(config.train.n_heads) * per_network
    return "heads" if is_raw and n_logits <= MAX_LOGITS else "tokens"


def fitting_restarts(facts: DataFacts) -> int:
    """10, or as many as are fitted in seconds."""
    size = facts.n_images * facts.n_clusters * facts.n_features
    return min(10, max(1, 2 * 10**8 // size))


def is_open(config: Config, name: str) -> bool:
    """Whether the setting with this dotted name is left to the data."""
    return reduce(getattr, name.split("."), config) is None
