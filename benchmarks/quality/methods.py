"""The rows of the table: those of ``ucls bench``, and more forms of UCLS."""

from collections.abc import Mapping
from typing import NamedTuple

from benchmarks.efforts import Figures
from benchmarks.objectives import VARIANTS
from benchmarks.sets import LabelledSet
from ucls.config import Config
from ucls.peers import methods
from ucls.peers.figures import label_figures, size_figures
from ucls.peers.forms import FORMS, Settings
from ucls.peers.methods import Subject, find_clusters


class Form(NamedTuple):
    """UCLS with some settings."""

    settings: Settings
    k: float = 1.0
    """Clusters asked for, over the number of classes."""


MORE: Mapping[str, Form] = {
    "ucls, soft prior, not merged": Form(VARIANTS["ucls, soft prior, not merged"]),
    "ucls, k x 0.8": Form({}, k=0.8),
    "ucls, k x 1.2": Form({}, k=1.2),
}
"""By the name of their row."""
ABLATIONS: Mapping[str, Form] = {
    f"quick, {name}": Form({"effort": "quick", **settings})
    for name, settings in {
        "one tree": {"merge.linkage": "diffusion"},
        "spectral by head": {"merge.linkage": "spectral"},
        "average by head": {"merge.linkage": "average"},
        "2 times the clusters": {"train.scales": [2]},
        "6 times the clusters": {"train.scales": [6]},
        "10 times the clusters": {"train.scales": [10]},
        "features as they are": {"neighbors.prepare": "none"},
        "standardised": {"neighbors.prepare": "standardize"},
        "whitened": {"neighbors.prepare": "whiten"},
    }.items()
}
"""What vary ``ucls, quick``; asked for by name."""
METHODS = (*methods.METHODS, *MORE)
QUICK = (
    "k-means", "PCA + Ward", "PCA + spectral", "PCA + HDBSCAN", "PCA + Leiden", "PCA + Gaussians",
    "ucls, not merged", "ucls, quick", "ucls",
)  # fmt: skip
OF_CURVES = (
    "k-means", "PCA + Gaussians", "PCA + HDBSCAN", "PCA + Leiden", "ucls, soft prior, not merged",
    "ucls",
)  # fmt: skip
"""Those that are shown over the ratio of class sizes."""


def measure(name: str, data: LabelledSet, *, seed: int) -> Figures:
    """Scores of a method, and its seconds from features to clusters."""
    more = {**MORE, **ABLATIONS}
    wanted = round((more[name].k if name in more else 1.0) * data.n_classes)
    found, seconds = find_clusters(
        name,
        Subject(data.features, wanted, seed, Config(), data.extracted),
        forms={**FORMS, **{name: form.settings for name, form in more.items()}},
    )
    return {
        **label_figures(data.labels, found),
        "clusters": size_figures(found)["clusters"],
        "wanted": wanted,
        "s": seconds,
    }
