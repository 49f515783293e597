from pathlib import Path

import numpy as np
import pytest

from ucls import pipeline
from ucls.peers.forms import FORMS, NOT_MERGED, ucls_clusters
from ucls.runs.run import Run
from ucls.settings.config import Config
from ucls.settings.objectives import objective_names


def consensus_without_files(run: Run) -> np.ndarray:
    with run.features("train") as cache:
        features = cache.read(run.feature_set).astype(np.float32)
    kept = features.copy()
    found = ucls_clusters(features, run.requested, run.data)
    np.testing.assert_array_equal(features, kept)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_a_form_finds_what_its_run_finds(
    form: str, sources: Path, tmp_path: Path, tiny_config: Config
) -> None:
    config = tiny_config.with_values(FORMS[form])
    finished = pipeline.run(str(sources / "blobs.npz"), out=tmp_path / "run", config=config)
    run = Run(finished.path)
    expected = run.consensuses.chosen().labels["train"]
    np.testing.assert_array_equal(consensus_without_files(run), expected)


@pytest.mark.slow
def test_features_of_two_backbones_are_prepared_as_in_a_run(two_space_run_path: Path) -> None:
    run = Run(two_space_run_path)
    expected = run.consensuses.chosen().labels["train"]
    np.testing.assert_array_equal(consensus_without_files(run), expected)


@pytest.mark.parametrize("form", FORMS)
def test_the_settings_of_a_form_are_valid(form: str) -> None:
    config = Config().with_values(FORMS[form])
    assert ("merged" in form) == (config.merge.linkage == "none")


def test_every_objective_has_a_form_without_merging() -> None:
    assert set(NOT_MERGED) == set(objective_names())
