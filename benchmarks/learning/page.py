"""Learned networks as a page of Markdown."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.learning.record import Learned, LearningRecord
from benchmarks.pages import render_page
from ucls.report.table import Table

TEMPLATE = Path(__file__).with_name("page.md.jinja")
HEADINGS = (
    "method", "seeds", "own clusters, ACC", "own clusters, NMI", "`ucls run`, train",
    "`ucls run`, val", "k-means on the features", "20-NN, val", "collapsed",
)  # fmt: skip


def learning_page(record: LearningRecord) -> str:
    """A row for each method, and how each came there."""
    made = {name: list(seeds.values()) for name, seeds in record.learned.items() if seeds}
    return render_page(
        TEMPLATE,
        record=record,
        kmeans=_summary(record.kmeans.values()),
        settings=", ".join(f"`{name}={value}`" for name, value in record.settings.items()),
        table=Table(HEADINGS, [_row(name, own) for name, own in made.items()]).markdown(),
        epochs=_by_epoch(made),
    )


def _row(method: str, networks: Sequence[Learned]) -> list[str]:
    own = [_summary(one.clusters.get(name) for one in networks) for name in ("acc", "nmi")]
    run = [
        _summary(one.run.get(name) for one in networks)
        for name in ("train", "val", "kmeans", "knn")
    ]
    collapsed = sum(bool(one.collapse) for one in networks)
    return [method, str(len(networks)), *own, *run, str(collapsed)]


def _by_epoch(made: dict[str, list[Learned]]) -> str:
    longest = max((len(one.epochs) for own in made.values() for one in own), default=0)
    rows = [
        [method, heading, *(_mean(networks, epoch, name) for epoch in range(longest))]
        for method, networks in made.items()
        for name, heading in (("acc", "ACC"), ("knn", "20-NN"))
        if name in networks[0].epochs[0]
    ]
    return Table(("method", "", *map(str, range(1, longest + 1))), rows).markdown()


def _mean(networks: Sequence[Learned], epoch: int, name: str) -> str:
    return f"{np.mean([one.epochs[epoch][name] for one in networks]):.3f}"


def _summary(scores: Iterable[float | None]) -> str:
    """The mean, and from the least to the largest where there are several."""
    known = [score for score in scores if score is not None]
    if not known:
        return ""
    ends = f" ({min(known):.3f} to {max(known):.3f})" if len(known) > 1 else ""
    return f"{np.mean(known):.3f}{ends}"
