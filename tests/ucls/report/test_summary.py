import base64
import re
from io import BytesIO
from pathlib import Path

from PIL import Image

from ucls.corrections.edits import Corrections, Rename
from ucls.report import summary
from ucls.report.summary import summary_html
from ucls.runs.image_labels import read_labels
from ucls.runs.run import Run
from ucls.stages.relabel import relabel


def summary_of(path: Path) -> str:
    run = Run(path)
    return summary_html(run, read_labels(run))


def test_each_cluster_has_some_pictures(shared_photo_run: Path) -> None:
    html = summary_of(shared_photo_run)
    assert "60 images in 3 clusters" in html
    pictures = re.findall(r'base64,([^"]+)" title="([^"]+)"', html)
    assert 3 <= len(pictures) <= 3 * summary.PER_CLUSTER
    labels = read_labels(Run(shared_photo_run))
    for data, title in pictures:
        assert title in labels.paths
        assert Image.open(BytesIO(base64.b64decode(data))).format == "WEBP"
    most = [min(size, summary.PER_CLUSTER) for size in labels.sizes().values()]
    assert len(pictures) == sum(most)


def test_only_the_largest_clusters_are_shown(shared_photo_run: Path, monkeypatch) -> None:
    monkeypatch.setattr(summary, "CLUSTERS", 1)
    html = summary_of(shared_photo_run)
    assert html.count("<b>") == 1
    assert "and 2 smaller clusters" in html


def test_without_pictures_there_is_a_table(shared_run: Path) -> None:
    html = summary_of(shared_run)
    assert "<img" not in html
    sizes = read_labels(Run(shared_run)).sizes()
    for cluster, size in sizes.items():
        assert f"<tr><td>{cluster}</td><td>{size}</td></tr>" in html


def test_names_and_paths_are_escaped(own_photo_run: Path) -> None:
    name = "<script>alert('1')</script>"
    relabel(own_photo_run, Corrections(edits=(Rename(cluster=0, name=name),)))
    html = summary_of(own_photo_run)
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_pictures_that_are_gone_leave_the_sizes(own_photo_run: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").rename(tmp_path / "elsewhere")
    html = summary_of(own_photo_run)
    assert "60 images in 3 clusters" in html
