"""Settings that fit an array of features."""

import numpy as np
import numpy.typing as npt

from ucls.devices import fast_precision, resolve_device
from ucls.runs.resolve import check_fit
from ucls.settings.config import Config, required
from ucls.settings.data_facts import DataFacts
from ucls.settings.fitting import autoconfigure


def fit_settings(config: Config, features: npt.NDArray[np.floating]) -> Config:
    """Fits what is open to features [N, D] of one space, as a run of a feature file does.

    Raises:
        UsageError: if there are not as many neighbours or heads as asked for.
    """
    device = resolve_device(config.device)
    n_images, n_features = features.shape
    facts = DataFacts(
        n_images=n_images,
        n_features=n_features,
        n_clusters=required(config.n_clusters),
        backbone="features",
        device="cuda" if device.type == "cuda" else "cpu",
        fast_precision=fast_precision(device),
    )
    fitted = autoconfigure(config, facts)
    check_fit(fitted, n_images)
    return fitted
