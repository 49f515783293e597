"""A run at a glance, as a piece of HTML: some pictures of each cluster, or their sizes."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import islice

from ucls.report.shown_names import shown_cluster, shown_name
from ucls.report.thumbnails import thumbnails
from ucls.report.typical import largest_clusters, typical_rows
from ucls.runs.image_labels import ImageLabels
from ucls.runs.pictures import Pictures
from ucls.runs.run import Run
from ucls.wording import count

CLUSTERS, PER_CLUSTER = 8, 8
"""The largest clusters, and the most typical pictures of each."""
IN_TABLE = 50
"""Clusters of a table."""
BUDGET = 200_000
"""Bytes of all pictures."""
LONGEST_PATH = 200
IMAGE = '<img src="data:image/webp;base64,{data}" title="{title}" style="margin:2px;height:64px">'


def summary_html(run: Run, labels: ImageLabels) -> str:
    """The largest clusters with their most typical pictures; a table of sizes without pictures.

    Args:
        run: of the images.
        labels: of all images.
    """
    pictures = {split: Pictures.of(run, split) for split in run.splits}
    sizes = labels.sizes()
    shown = largest_clusters(labels, CLUSTERS if any(pictures.values()) else IN_TABLE)
    if any(pictures.values()):
        body = _with_pictures(labels, shown, pictures)
    else:
        body = _table(labels, shown)
    images, clusters = count(len(labels), "image"), count(len(sizes), "cluster")
    rest = len(sizes) - len(shown)
    more = f"<p>and {count(rest, 'smaller cluster')}</p>" if rest else ""
    path = escape(shown_name(str(run.folder.path), LONGEST_PATH))
    return f"<div><p>{images} in {clusters}: <code>{path}</code></p>{body}{more}</div>"


def _with_pictures(
    labels: ImageLabels, clusters: Sequence[int], pictures: Mapping[str, Pictures]
) -> str:
    chosen = {
        cluster: list(islice(typical_rows(labels, cluster), PER_CLUSTER)) for cluster in clusters
    }
    rows = [row for of_cluster in chosen.values() for row in of_cluster]
    first = {split: int(labels.rows_of(split)[0]) for split in set(labels.splits)}
    places = [(labels.splits[row], row - first[labels.splits[row]]) for row in rows]
    made = dict(zip(rows, thumbnails(pictures, places, budget=BUDGET), strict=True))
    return "".join(
        f"<p><b>{_name(labels, cluster)}</b> ({count(labels.sizes()[cluster], 'image')})<br>"
        + "".join(
            IMAGE.format(data=made[row], title=escape(shown_name(labels.paths[row], LONGEST_PATH)))
            for row in own
            if made[row]
        )
        + "</p>"
        for cluster, own in chosen.items()
    )


def _table(labels: ImageLabels, clusters: Sequence[int]) -> str:
    rows = "".join(
        f"<tr><td>{_name(labels, cluster)}</td><td>{labels.sizes()[cluster]:,}</td></tr>"
        for cluster in clusters
    )
    return f"<table><tr><th>cluster</th><th>images</th></tr>{rows}</table>"


def _name(labels: ImageLabels, cluster: int) -> str:
    return escape(shown_cluster(cluster, labels.names.get(cluster, "")))
