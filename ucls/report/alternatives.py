"""Other clusterings of the same images, beside those of a run on its page."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from ucls.cache import run_files as files
from ucls.errors import UclsError
from ucls.report.comparison import compare_labels
from ucls.report.images import PageImages
from ucls.report.state import RunState
from ucls.runs.image_labels import ImageLabels, read_labels
from ucls.runs.run import Run
from ucls.types import Figures

EXAMPLES = 8
"""Pictures of each cluster there."""
MOST_PAIRS = 200


def alternative_runs(run: Run) -> list[Path]:
    """The run folders of the other clusterings that were found, where they still are."""
    names = run.folder.record.get("alternatives", [])
    places = (run.folder.path.resolve().parent / name for name in names)
    return [place for place in places if (place / files.LABELS).is_file()]


def alternatives_shown(state: RunState, images: PageImages) -> list[Figures]:
    """What a page shows of each other clustering, as JSON can hold it."""
    return [
        _shown(state, images, labels, name) for name, labels in _read(alternative_runs(state.run))
    ]


def _read(runs: list[Path]) -> Iterator[tuple[str, ImageLabels]]:
    """The name and the labels of each run that is up to date."""
    for path in runs:
        with suppress(UclsError):
            yield path.name, read_labels(Run(path))


def _shown(state: RunState, images: PageImages, other: ImageLabels, name: str) -> Figures:
    found = compare_labels(state.labels, other, paths=("this run", name)).comparison
    return {
        "name": name,
        "page": f"../{name}/{files.REPORT}",
        "nmi": found.nmi,
        "clusters": [
            [number, other.names.get(number, ""), size, examples]
            for (number, size), examples in zip(
                other.sizes().items(), _examples(state, images, other), strict=True
            )
        ],
        "overlaps": [[one.a, one.b, one.n_images] for one in found.overlaps[:MOST_PAIRS]],
    }


def _examples(state: RunState, images: PageImages, other: ImageLabels) -> list[list[int]]:
    """Places of the surest images of each cluster there that the page has pictures of."""
    rows = {pair: row for row, pair in enumerate(zip(other.splits, other.paths, strict=True))}
    labels, shown = state.labels, images.shown.tolist()
    there = np.array([rows.get((labels.splits[row], labels.paths[row]), -1) for row in shown])
    clusters = np.where(there >= 0, other.clusters[there], -1)
    surest = np.argsort(-other.confidence[there], kind="stable")
    by_cluster = (surest[clusters[surest] == number] for number in other.sizes())
    return [images.places(images.shown[own[:EXAMPLES]]) for own in by_cluster]
