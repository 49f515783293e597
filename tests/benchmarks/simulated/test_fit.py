from dataclasses import astuple, replace

import pytest

from benchmarks.simulated import fit as module
from benchmarks.simulated.fit import fit, from_vector, loss, to_vector
from benchmarks.simulated.geometry import FITTED


@pytest.fixture
def small_sets(monkeypatch):
    monkeypatch.setattr(module, "SETS", ((1_000, 10),))
    monkeypatch.setattr(module, "N_QUERIES", 300)


def test_geometries_become_vectors_and_back():
    assert astuple(from_vector(to_vector(FITTED))) == pytest.approx(astuple(FITTED))


def test_twins_are_never_less_alike_than_families():
    swapped = replace(FITTED, twin_similarity=0.1, family_similarity=0.3)
    assert from_vector(to_vector(swapped)).twin_similarity == pytest.approx(0.3)


def test_another_geometry_is_further_from_the_table(small_sets):
    assert loss(replace(FITTED, purest=0.6)) > 2 * loss(FITTED)


@pytest.mark.slow
def test_a_fit_finds_a_better_geometry(small_sets, capsys):
    start = replace(FITTED, purest=0.8)
    fitted = fit(start, n_evaluations=14)
    assert loss(fitted) < loss(start)
    assert "Geometry(" in capsys.readouterr().out
