"""UCLS in several forms, and the objectives of others as their papers have them."""

from collections.abc import Mapping
from typing import Any

from ucls.clustering.in_memory import find_consensus
from ucls.peers.algorithms import Features
from ucls.progress import SILENT, Reporter
from ucls.runs.preparation import fit_spaces
from ucls.runs.resolve import ExtractedData, resolve
from ucls.settings.config import Config, required
from ucls.settings.objectives import RECORDS
from ucls.types import Labels

Settings = Mapping[str, Any]
"""By their dotted names."""

ALONE: Settings = {"train.scales": [1], "merge.linkage": "none"}
NOT_MERGED: Mapping[str, Settings] = {
    name: {**ALONE, "train.objective": name}
    if len(record.scales or (1,)) == 1  # others have heads as wanted among their own sizes
    else {"train.objective": name, "merge.linkage": "none"}
    for name, record in RECORDS.items()
}
"""By the name of the objective."""
UCLS = "ucls"
FORMS: Mapping[str, Settings] = {
    **{f"{name}, not merged": NOT_MERGED[name] for name in ("temi", "scan", "turtle", UCLS)},
    "ucls, quick": {"effort": "quick"},
    UCLS: {},
}
"""By the name of their row. What is not merged is the objective as its paper has it."""


def ucls_clusters(
    features: Features,
    config: Config,
    extracted: ExtractedData,
    *,
    reporter: Reporter = SILENT,
) -> Labels:
    """The consensus that a run finds, without its folder.

    Args:
        features: of the training images as they are cached, float32 [N, D]; they are not changed.
        config: as asked for; what is open is fitted to the features.
        extracted: what the extraction found out.
        reporter: shown what happens.

    Returns:
        int32 [N].

    Raises:
        UsageError: if a setting does not fit the features.
        UclsError: if the training goes astray, or the heads cannot be combined.
    """
    fitted = resolve(config, extracted)
    preparation, _ = fit_spaces(
        features,
        required(fitted.features),
        extracted,
        wanted=required(fitted.neighbors.prepare),
        n_clusters=required(fitted.n_clusters),
        seed=fitted.seed,
    )
    return find_consensus(features, fitted, preparation=preparation, reporter=reporter).labels
