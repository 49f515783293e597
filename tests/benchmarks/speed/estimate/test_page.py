from dataclasses import replace
from pathlib import Path

import pytest

import ucls
from benchmarks.speed.estimate import page
from benchmarks.speed.estimate.case import IMAGENET, Case
from benchmarks.speed.estimate.device import Device
from benchmarks.speed.estimate.extrapolation import Extrapolated
from benchmarks.speed.estimate.page import (
    TimeRow,
    by_slope,
    duration,
    estimate_page,
    size_text,
    time_rows,
)
from tests.benchmarks.speed.growth.samples import growth_record
from ucls.config import EvaluateConfig, NeighborsConfig
from ucls.errors import UsageError

# Narrow, so that the steps that are counted are quick.
NARROW = replace(IMAGENET, n_clusters=20, n_features=64)
PLAIN, MERGED = Case("Plain", NARROW, epochs=(100, 400)), Case("Merged", NARROW, scale=3)
RECORD = growth_record()
ROOT = Path(ucls.__file__).parents[1]
DAY = 86_400.0


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setattr(page, "IMAGENET_CASES", (PLAIN, MERGED))
    monkeypatch.setattr(page, "UCLS_CASE", Case("Smoothed", NARROW, n_smoothing=2))


def made_up(seconds_of_train, seconds_of_evaluate=300.0):
    """The time of every case, instead of what is counted."""

    def rows(case, record, device, *, epochs):
        on_cpu = Extrapolated(seconds_of_evaluate, 1.25)
        return [
            TimeRow("neighbors", Extrapolated(1.0, 1.0), 12 * DAY, 13 * DAY, on_cpu=False),
            TimeRow("train", Extrapolated(10.0 * epochs, 1.5), 20.0, seconds_of_train, False),
            TimeRow("evaluate", on_cpu, on_cpu.value, on_cpu.value, on_cpu=True),
        ]

    return rows


def cells(text, start):
    (line,) = (line for line in text.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.usefixtures("narrow")
def test_the_page_has_its_parts_and_says_what_each_figure_is(monkeypatch):
    monkeypatch.setattr(page, "LARGE_CASES", (Case("Large", NARROW),))
    text = estimate_page(RECORD, Device(half_share=0.25), source="some/growth.json")
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == ["## Plain", "## Merged", "## Under 15 minutes with a GPU?", "## Large"]
    for said in (
        "some/growth.json", RECORD.command, "by slope", "by arithmetic", "of which 25% are",
        "Nothing below was run", "approximate search, which UCLS does not have",
    ):  # fmt: skip
        assert said in text
    assert text.count("| merge: at its peak") == 1
    assert text.count("| ensemble: at its peak") == 3
    for title in ("Plain", "Merged", "Smoothed"):
        assert f"\n{title}, 100 epochs: **" in text
    assert "\n\n\n" not in text
    assert "nan" not in text


@pytest.mark.usefixtures("narrow")
def test_the_times_of_a_case_and_their_sum(monkeypatch):
    monkeypatch.setattr(page, "time_rows", made_up(40.0))
    monkeypatch.setattr(page, "IMAGENET_CASES", (PLAIN,))
    monkeypatch.setattr(page, "LARGE_CASES", ())
    text = estimate_page(RECORD, Device(), source="")
    assert cells(text, "train, 100") == ["train, 100 epochs", "17 min", "1.50", "20 s", "40 s"]
    assert cells(text, "evaluate |") == ["evaluate", "5.0 min", "1.25", *["CPU, as here"] * 2]
    assert cells(text, "**all**") == ["**all**", "22 min", "", "12 days", "13 days"]
    assert cells(text, "instead")[:2] == ["instead: train, 400 epochs", "67 min"]


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize(
    ("train", "evaluate", "whole", "others"),
    [(600, 200, "yes", "yes"), (600, 400, "no", "yes"), (901, 0, "no", "no")],
)
def test_the_verdict_is_that_of_the_sum(train, evaluate, whole, others, monkeypatch):
    def rows(*_, **__):
        return made_up(train, evaluate)(*_, **__)[1:]

    monkeypatch.setattr(page, "time_rows", rows)
    monkeypatch.setattr(page, "LARGE_CASES", ())
    text = estimate_page(RECORD, Device(), source="")
    assert f"Plain, 100 epochs: **{whole}**: " in text
    assert f"Without `evaluate`: {others}, " in text


@pytest.mark.usefixtures("narrow")
def test_each_obstacle_has_its_figure(monkeypatch):
    monkeypatch.setattr(page, "time_rows", made_up(5 * DAY, 76 * DAY))
    text = estimate_page(RECORD, Device(), source="")
    for figure in ("1e+16 pairs", "4.1e+19 operations", "12 days of products", "819 GB",
                   "at least 11 of", "5.0 days of one", "60 TB", "31 GB", "120 GB",
                   "76 days by slope"):  # fmt: skip
        assert figure in text


def test_nothing_is_said_to_be_missing_that_is_there():
    sources = [
        path.read_text(encoding="utf-8")
        for folder in ("ucls", "cli", "cache")
        for path in (ROOT / folder).rglob("*.py")
    ]
    assert not any("torch.distributed" in source for source in sources)
    assert set(NeighborsConfig.model_fields["backend"].annotation.__args__) == {
        "auto", "faiss", "torch",
    }  # fmt: skip
    assert set(EvaluateConfig.model_fields) == {"kmeans_restarts", "knn", "upper_bounds"}


def test_stages_without_a_device_are_taken_from_here():
    rows = time_rows(PLAIN, RECORD, Device(), epochs=100)
    assert [row.stage for row in rows] == [
        "neighbors", "train", "ensemble", "self-train", "evaluate",
    ]  # fmt: skip
    assert [row.stage for row in rows if row.on_cpu] == ["ensemble", "evaluate"]
    assert all(row.here.value == row.device == row.products for row in rows if row.on_cpu)
    assert all(row.products < row.device for row in rows if not row.on_cpu)


def test_heads_with_more_clusters_are_merged():
    rows = time_rows(MERGED, RECORD, Device(), epochs=100)
    assert "merge" in [row.stage for row in rows]
    assert [array.what for array in by_slope(MERGED, RECORD)] == [
        "merge: at its peak", "ensemble: at its peak",
    ]  # fmt: skip


def test_a_slower_device_takes_longer():
    slow = Device(single_share=0.3, half_share=0.2, bandwidth_share=0.35)
    rows, slower = (time_rows(PLAIN, RECORD, one, epochs=10) for one in (Device(), slow))
    for row, twice in zip(rows, slower, strict=True):
        assert twice.device == pytest.approx((1 if row.on_cpu else 2) * row.device)


def test_all_stages_are_needed():
    record = growth_record("neighbors", "train", "ensemble", "self-train")
    with pytest.raises(UsageError, match="evaluate was not measured"):
        time_rows(PLAIN, record, Device(), epochs=1)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "0.50 s"), (3.21, "3.2 s"), (119, "119 s"), (170, "2.8 min"), (7300, "2.0 h"),
        (40 * 3600, "40 h"), (12 * DAY, "12 days"), (3e10, "951 years"), (3e12, "95,064 years"),
    ],
)  # fmt: skip
def test_a_time_has_the_unit_that_suits_it(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("n_bytes", "text"), [(12, "12 B"), (1500, "1.5 kB"), (3.8e9, "3.8 GB"), (6e13, "60 TB")]
)
def test_a_size_too(n_bytes, text):
    assert size_text(n_bytes) == text
