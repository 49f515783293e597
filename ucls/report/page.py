"""A report as one HTML file: its data, and the template that shows them."""

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files as package_files

import numpy as np

from ucls import __version__
from ucls.progress import SILENT, Reporter
from ucls.report.alternatives import alternatives_shown
from ucls.report.cleaning import CleaningList, cleaning_list
from ucls.report.comparison import compare_labels
from ucls.report.figures import figures_of
from ucls.report.images import MOST_KNOWN, PageImages, choose_images, count_cells, nearest_shown
from ucls.report.projection import project
from ucls.report.sample import sampled_features
from ucls.report.separation import Separation, separation
from ucls.report.state import RunState
from ucls.report.suggestions import suggest
from ucls.report.thumbnails import thumbnails
from ucls.report.verdict import verdict
from ucls.runs.image_labels import ImageLabels
from ucls.runs.pictures import Pictures
from ucls.types import Figures

THUMBNAIL_BYTES = 10_000_000
MOST_PAIRS = 200
"""Of clusters that are told how close they are."""
SCRIPTS = (
    "data", "edits", "downloads", "dom", "tiles", "clusters", "everything", "map", "drawings",
    "sections", "main",
)  # fmt: skip


def page_data(
    state: RunState,
    *,
    beside: ImageLabels | None = None,
    beside_name: str = "",
    most_known: int = MOST_KNOWN,
    with_pictures: bool = True,
    reporter: Reporter = SILENT,
) -> Figures:
    """All that a page shows, as JSON can hold it.

    Args:
        state: of the run.
        beside: labels of another run of the same images, to compare with.
        beside_name: what that run is called.
        most_known: images up to which it knows them all.
        with_pictures: put thumbnails in; a server gives them out itself.
        reporter: shown what takes long.
    """
    cleaning, found = cleaning_list(state), separation(state)
    suggestions, images = suggest(state, found), choose_images(state, cleaning, most_known)
    features = sampled_features(state.run, images.shown)
    positions = project(
        features[np.searchsorted(images.shown, images.on_map)], state.run.config.seed
    )
    pictures = {split: Pictures.of(state.run, split) for split in state.run.splits}
    reason = next((one.reason for one in pictures.values() if not one), "")
    return {
        "name": state.run.folder.record["source"]["name"],
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "version": __version__,
        "labels": state.labels.fingerprint,
        "corrections": state.corrections.as_json()["edits"],
        "n_images": len(state.labels),
        "n_found": state.run.n_clusters,
        "is_complete": len(images.known) == len(state.labels),
        "no_pictures": reason,
        "n_lost_pictures": sum(one.n_lost for one in pictures.values()),
        "splits": state.run.splits,
        "cells": count_cells(state),
        "tree": _tree(state),
        "images": images.as_columns(state),
        "shown": images.places(images.shown),
        "thumbnails": _thumbnails(state, images, pictures, reporter)
        if with_pictures and not reason
        else [],
        "near": nearest_shown(features),
        "map": {"images": images.places(images.on_map), "positions": positions.round(4).tolist()},
        "verdict": verdict(state, suggestions, cleaning),
        "suggestions": suggestions._asdict(),
        "clusters": _clusters(state, found),
        "pairs": _pairs(state, found),
        "dendrogram": found.tree[:, :3].round(4).tolist(),
        "cleaning": _cleaning(cleaning, images),
        "figures": figures_of(state),
        "alternatives": alternatives_shown(state, images),
        "beside": beside and _beside(state, images, beside, beside_name),
    }


def _tree(state: RunState) -> Figures | None:
    """The merge tree that splits clusters, as :func:`smaller_half` takes it."""
    if state.leaves is None:
        return None
    head = state.leaves.head
    return {"leafOf": head.leaf_of.tolist(), "children": head.tree[:, :2].astype(int).tolist()}


def _thumbnails(
    state: RunState, images: PageImages, pictures: Mapping[str, Pictures], reporter: Reporter
) -> list[str]:
    splits = [state.labels.splits[row] for row in images.shown.tolist()]
    first = {split: int(state.labels.rows_of(split)[0]) for split in set(splits)}
    own = [
        (split, row - first[split])
        for split, row in zip(splits, images.shown.tolist(), strict=True)
    ]
    with reporter.track("report: pictures", len(own), "images") as advance:
        return thumbnails(pictures, own, budget=THUMBNAIL_BYTES, advance=advance)


def _clusters(state: RunState, found: Separation) -> Figures:
    """Figures of each cluster, by its number."""
    sure = state.mean_by_cluster(state.labels.confidence)
    return {
        str(number): {
            "confidence": round(float(sure[i]), 3),
            "inner_cut": round(float(found.inner_cuts[i]), 3),
        }
        for i, number in enumerate(state.numbers)
    }


def _pairs(state: RunState, found: Separation) -> list[list[float]]:
    """The pairs that are least separate: two numbers, normalised cut, votes both ways."""
    cuts = np.triu(found.cuts, 1)
    pairs = []
    for cell in np.argsort(-cuts, axis=None)[:MOST_PAIRS].tolist():
        i, j = divmod(cell, len(cuts))
        if cuts[i, j] > 0:
            figures = (cuts[i, j], found.votes[i, j], found.votes[j, i])
            pairs.append(
                [state.numbers[i], state.numbers[j], *(round(float(x), 3) for x in figures)]
            )
    return pairs


def _beside(state: RunState, images: PageImages, other: ImageLabels, name: str) -> Figures:
    """Another run of the same images: its clusters beside those here, and which images moved."""
    compared = compare_labels(state.labels, other, paths=("this run", name))
    moved = {(image.split, image.path) for image in compared.moved}
    labels = state.labels
    places = [
        place
        for place, row in enumerate(images.known.tolist())
        if (labels.splits[row], labels.paths[row]) in moved
    ]
    found = compared.comparison
    return {
        "name": name,
        **{
            key: getattr(found, key)
            for key in ("ari", "nmi", "share_matched", "n_moved", "n_common")
        },
        "names": {str(number): text for number, text in found.b.names.items()},
        "overlaps": [
            [one.a, one.b, one.n_images, one.share_of_a, one.share_of_b, one.is_matched]
            for one in found.overlaps[:MOST_PAIRS]
        ],
        "moved": places,
    }


def _cleaning(found: CleaningList, images: PageImages) -> Figures:
    return {
        **found._asdict(),
        "misfits": images.places(found.misfits),
        "duplicates_from": round(found.duplicates_from, 4),
        "duplicates": [
            [*images.places([first, second]), round(cosine, 3)]
            for first, second, cosine in found.duplicates
        ],
    }


def render(data: Figures) -> str:
    """The page as HTML, without anything that is loaded from elsewhere."""
    from jinja2 import Environment, PackageLoader
    from markupsafe import Markup

    script = _asset("script")
    environment = Environment(loader=PackageLoader("ucls.report", "page"), autoescape=True)
    # In JSON "<" occurs within strings only, where its escape means the same.
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    page: str = environment.get_template("page.html").render(
        name=data["name"],
        style=Markup(_asset("style")),
        style_hash=_hash(_asset("style")),
        script=Markup(script),
        script_hash=_hash(script),
        data=Markup(text),
    )
    return page


@cache
def _asset(kind: str) -> str:
    folder = package_files("ucls.report") / "page"
    if kind == "style":
        return (folder / "style.css").read_text(encoding="utf-8")
    parts = [(folder / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    return '"use strict";\n' + "\n".join(parts)


def _hash(text: str) -> str:
    """As a content security policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
