from pathlib import Path

import numpy as np
import pytest

from tests.conftest import blobs
from ucls.clustering.fitting import fit_settings
from ucls.errors import UsageError
from ucls.runs.run import Run
from ucls.settings.config import Config


def test_the_settings_are_those_of_a_run_of_the_same_features(run_path: Path) -> None:
    run = Run(run_path)
    features = blobs(120, 0)[0]
    ours = fit_settings(run.requested, features).model_dump(exclude={"extract", "features"})
    assert ours == run.config.model_dump(exclude={"extract", "features"})


def test_what_does_not_fit_is_refused() -> None:
    asked = Config(n_clusters=2).with_values({"neighbors.k": 9})
    with pytest.raises(UsageError, match=r"neighbors\.k must be between 1 and 7"):
        fit_settings(asked, np.zeros((8, 2), np.float32))
