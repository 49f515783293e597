from pathlib import Path

import numpy as np
import pytest

from ucls.cache import RunFolder, read_tensors, write_tensors
from ucls.ensemble.head_votes import HeadVotes
from ucls.errors import UclsError
from ucls.runs.classifier import load_classifier, load_heads, write_classifier
from ucls.training.linear import Candidate, LinearClassifier

VOTES = HeadVotes(
    names=np.array([[1, 0, 2, -1], [0, 1, 3, 2]], dtype=np.int32),
    votes=np.array([7, 3], dtype=np.int64),
)


def test_a_classifier_of_tokens_comes_back_as_it_was(tmp_path: Path) -> None:
    folder = RunFolder.begin(tmp_path, source={}, requested={}, stale=())
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(5, 3)).astype(np.float32), np.ones(3, np.float32)
    linear = LinearClassifier(weight, bias, scale=1 / 3)
    write_classifier(
        folder,
        linear,
        candidate=Candidate("cls4", 0.1),
        feature_set="cls4",
        takes_logits=False,
        voters=(2, 5),
        votes=VOTES,
    )
    found = load_classifier(folder)
    assert (found.feature_set, found.linear.scale, found.heads) == ("cls4", 1 / 3, None)
    assert found.voters == (2, 5)
    np.testing.assert_array_equal(found.votes.names, VOTES.names)
    np.testing.assert_array_equal(found.votes.votes, VOTES.votes)
    features = rng.normal(size=(7, 5)).astype(np.float32)
    for one, other in zip(found.predict(features), linear.predict(features), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_classifier_of_heads_finds_them_in_the_run(run_path: Path) -> None:
    folder = RunFolder(run_path)
    linear = LinearClassifier(np.eye(16, 4, dtype=np.float32), np.zeros(4, np.float32), scale=1.0)
    write_classifier(
        folder,
        linear,
        candidate=Candidate("heads", 0.1),
        feature_set="cls",
        takes_logits=True,
        voters=(1, 4),
        votes=VOTES,
    )
    features = np.random.default_rng(0).normal(size=(7, 8)).astype(np.float32)
    clusters, _ = load_classifier(folder).predict(features)
    cosines = load_heads(folder, [1, 4]).logits(features)
    assert cosines.shape == (7, 2 * 8)
    np.testing.assert_array_equal(clusters, cosines[:, :4].argmax(axis=1))


def test_without_one_the_command_is_named(tmp_path: Path) -> None:
    folder = RunFolder.begin(tmp_path, source={}, requested={}, stale=())
    with pytest.raises(UclsError, match=f"no classifier yet; run: ucls self-train {tmp_path}"):
        load_classifier(folder)


def test_a_file_without_votes_names_the_command(run_path: Path) -> None:
    path = run_path / "classifier.safetensors"
    tensors, metadata = read_tensors(path)
    write_tensors(path, {name: tensors[name] for name in ("weight", "bias")}, metadata)
    with pytest.raises(
        UclsError, match=f"older version, .* ucls self-train {run_path} --overwrite"
    ):
        load_classifier(RunFolder(run_path))
