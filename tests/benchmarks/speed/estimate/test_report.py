import pytest

from benchmarks.speed.estimate import report
from benchmarks.speed.estimate.cases import IMAGENET, Case
from benchmarks.speed.estimate.device import Device
from benchmarks.speed.estimate.extrapolation import Extrapolated
from benchmarks.speed.estimate.report import estimate_markdown, verdict
from benchmarks.speed.estimate.rows import TimeRow
from tests.benchmarks.speed.growth.samples import growth_record

NARROW = IMAGENET._replace(n_clusters=20, n_features=64)


@pytest.fixture
def narrow(monkeypatch):
    """Cases whose steps are quick to count."""
    plain, merged = Case("Plain", NARROW), Case("Merged", NARROW, scale=3)
    monkeypatch.setattr(report, "IMAGENET_CASES", (plain, merged))
    monkeypatch.setattr(report, "UCLS_CASE", Case("Smoothed", NARROW, n_smoothing=2))
    monkeypatch.setattr(report, "LARGE_CASES", (Case("Large", NARROW),))


@pytest.mark.usefixtures("narrow")
def test_the_report_has_its_parts_and_says_what_each_figure_is():
    record = growth_record()
    text = estimate_markdown(record, Device(half_share=0.25), source="some/growth.json")
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == ["## Plain", "## Merged", "## Under 15 minutes with a GPU?", "## Large"]
    for said in (
        "some/growth.json", record.command, "by slope", "by arithmetic", "of which 25%",
        "Nothing below was run", "approximate search, which UCLS does not have",
    ):  # fmt: skip
        assert said in text
    assert text.count("| merge: at its peak") == 1
    assert text.count("| ensemble: at its peak") == 3
    for title in ("Plain", "Merged", "Smoothed"):
        assert f"\n{title}, 100 epochs: **" in text


def row(stage, seconds):
    return TimeRow(stage, Extrapolated(seconds, 1.0), None, None)


@pytest.mark.parametrize(
    ("train", "evaluate", "whole", "others"),
    [(600, 200, "yes", "yes"), (600, 400, "no", "yes"), (901, 0, "no", "no")],
)
def test_the_verdict_is_that_of_the_sum(train, evaluate, whole, others):
    text = verdict([row("train", train), row("evaluate", evaluate)])
    assert text.startswith(f"**{whole}**")
    assert f"Without `evaluate`: {others}," in text
