"""Every method by its name, and what it makes of the same features."""

import difflib
import warnings
from collections.abc import Collection, Mapping
from time import perf_counter
from typing import NamedTuple

import numpy as np

from ucls.errors import UclsError, UsageError
from ucls.peers.algorithms import HAS_LEIDEN, PEERS, Features
from ucls.peers.forms import FORMS, Settings, ucls_clusters
from ucls.progress import SILENT, Reporter
from ucls.runs.resolve import ExtractedData
from ucls.settings.config import Config
from ucls.types import Labels

WITHOUT_LEIDEN = "PCA + Leiden needs another package: pip install scikit-network"
METHODS = (*PEERS, *FORMS)
"""The names of all rows, in order."""
FAILURES = (ValueError, MemoryError, np.linalg.LinAlgError)
"""What libraries raise for features that a method cannot take."""


class Subject(NamedTuple):
    """What is to be clustered."""

    features: Features
    """Of the training images as they are cached, float32 [N, D]."""
    n_clusters: int
    seed: int
    config: Config
    """What was asked for, to which a form of UCLS adds its own."""
    extracted: ExtractedData
    """What the extraction found out."""


class Found(NamedTuple):
    """What a method found."""

    labels: Labels
    """int32 [N]; -1 is noise."""
    seconds: float
    """From the features to the clusters."""


def choose(names: Collection[str] | None) -> list[str]:
    """The methods of these names, in the order of the table; all of them for None.

    Raises:
        UsageError: if there is no such method here.
    """
    by_name = {name.lower(): name for name in METHODS}
    wanted = METHODS if names is None else names
    for name in wanted:
        if name.lower() not in by_name:
            near = difflib.get_close_matches(name.lower(), by_name, n=1)
            hint = f"did you mean {by_name[near[0]]!r}? " if near else ""
            raise UsageError(
                f"there is no method {name!r} here; {hint}choose some of: {'; '.join(METHODS)}"
                f"{'' if HAS_LEIDEN else f' ({WITHOUT_LEIDEN})'}"
            )
    chosen = {by_name[name.lower()] for name in wanted}
    return [name for name in METHODS if name in chosen]


def find_clusters(
    method: str,
    subject: Subject,
    *,
    forms: Mapping[str, Settings] = FORMS,
    reporter: Reporter = SILENT,
) -> Found:
    """Clusters by one method, and takes its time.

    Args:
        method: the name of a peer or a form.
        subject: what is to be clustered.
        forms: the settings of UCLS's forms, by name.
        reporter: shown how far UCLS is.

    Raises:
        UclsError: if the method cannot cluster these features.
    """
    started = perf_counter()
    features, n_clusters, seed, config, extracted = subject
    try:
        if method in PEERS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what their figures show anyway
                labels = PEERS[method](features, n_clusters, seed)
        else:
            own = {"n_clusters": n_clusters, "seed": seed, **forms[method]}
            labels = ucls_clusters(features, config.with_values(own), extracted, reporter=reporter)
    except FAILURES as error:
        reason = " ".join(str(error).split()) or "it does not fit into memory"
        raise UclsError(f"it cannot take these features: {reason}") from error
    return Found(labels, perf_counter() - started)
