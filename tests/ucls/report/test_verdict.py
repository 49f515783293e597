from dataclasses import replace
from pathlib import Path

import numpy as np

from ucls.report.cleaning import CleaningList
from ucls.report.separation import Separation
from ucls.report.state import RunState
from ucls.report.suggestions import Suggestions, suggest
from ucls.report.verdict import Sentence, verdict
from ucls.runs.run import Run

CLEAN = CleaningList([], 0, [], 0, 0.98, [], 0)


def text(sentences: list[Sentence]) -> str:
    return " ".join("".join(map(str, sentence)) for sentence in sentences)


def test_a_good_run_has_nothing_to_look_at(shared_run: Path) -> None:
    state = RunState.of(Run(shared_run))
    said = text(verdict(state, Suggestions([], [], []), CLEAN))
    assert said.startswith("160 images in 4 clusters of ")
    assert "No cluster looks mixed" in said
    assert "Look at these first" not in said
    assert "For cleaning" not in said


def test_what_is_odd_is_named(shared_run: Path) -> None:
    state = RunState.of(Run(shared_run))
    found = Suggestions(mixed=[2], like_one=[(0, 3)], like_two=[1])
    said = text(verdict(state, found, replace_counts(1, 2, 0)))
    assert "disagree most on 2." in said
    assert "These may be one: 0 and 3." in said
    assert "May be two: 1." in said
    assert "For cleaning: 1 image unlike all others, 2 pairs of near-duplicates." in said
    assert said.endswith("Look at these first: 1, 0, 2.")


def replace_counts(misfits: int, duplicates: int, unreadable: int) -> CleaningList:
    return CLEAN._replace(n_misfits=misfits, n_duplicates=duplicates, n_unreadable=unreadable)


def test_many_are_counted(shared_run: Path) -> None:
    state = RunState.of(Run(shared_run))
    said = text(verdict(state, Suggestions([], [], list(range(8))), CLEAN))
    assert "May be two: 0, 1, 2, 3, 4 and 3 more." in said


def test_empty_clusters_are_told(run_path: Path) -> None:
    state = RunState.of(Run(run_path))
    labels = replace(state.labels, clusters=state.labels.found % 3, found=state.labels.found % 3)
    said = text(verdict(replace(state, labels=labels), Suggestions([], [], []), CLEAN))
    assert "1 of the 4 wanted are empty" in said


def test_collapsed_heads_mean_nothing(shared_run: Path) -> None:
    state = RunState.of(Run(shared_run))
    labels = replace(state.labels, confidence=np.zeros(160, np.float32))
    said = text(verdict(replace(state, labels=labels), Suggestions([], [], []), CLEAN))
    assert "these clusters mean nothing" in said


def test_suggestions_name_each_cluster_of_a_pair_once(shared_run: Path) -> None:
    state = RunState.of(Run(shared_run))
    n = len(state.numbers)
    cuts = np.full((n, n), 0.9) - 0.9 * np.eye(n)
    cuts[0, 1] = cuts[1, 0] = 1.0
    found = Separation(cuts, np.eye(n), np.array([0.05, 0.4, 0.5, 1.0]), np.zeros((n - 1, 4)))
    suggested = suggest(state, found)
    assert suggested.like_one == [
        (state.numbers[0], state.numbers[1]),
        (state.numbers[2], state.numbers[3]),
    ]
    assert suggested.like_two == [state.numbers[0]]
    low = found._replace(cuts=0.2 * cuts)
    assert suggest(state, low).like_one == []
    apart = found._replace(cuts=np.zeros((n, n)), inner_cuts=np.zeros(n))
    assert suggest(state, apart).like_one == []
