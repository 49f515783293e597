import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ucls.errors import UsageError
from ucls.runs.image_labels import read_labels, write_labels
from ucls.runs.label_formats import FORMATS, choose_format
from ucls.runs.label_table import LabelTable
from ucls.runs.run import Run


@pytest.fixture
def table(photo_run_path: Path) -> LabelTable:
    """Corrected, with hostile names: the first image is wrong, the second in a new cluster."""
    run = Run(photo_run_path)
    labels = read_labels(run)
    clusters = labels.clusters.copy()
    clusters[:2] = -1, 4
    corrected = replace(labels, clusters=clusters, names={0: 'a "b"\n<c>', 4: "\u202eé"})
    write_labels(run, corrected)
    return LabelTable(run, read_labels(run))


def written(name: str, table: LabelTable, folder: Path) -> Path:
    path = folder / f"labels{FORMATS[name].suffix}"
    FORMATS[name].write(path, table, iter(range(len(table))))
    return path


def read_json(name: str, table: LabelTable, folder: Path) -> Any:
    return json.loads(written(name, table, folder).read_text(encoding="utf-8"))


def test_json(table: LabelTable, tmp_path: Path) -> None:
    found = read_json("json", table, tmp_path)
    assert (found["format"], found["version"], found["run"]) == ("ucls-labels", 1, "photo-run")
    sizes = table.labels.sizes()
    assert [cluster["number"] for cluster in found["clusters"]] == [0, 1, 2, 3, 4]
    assert [cluster["name"] for cluster in found["clusters"]] == [
        'a "b"\n<c>', "1", "2", "3", "\u202eé",
    ]  # fmt: skip
    assert [cluster["size"] for cluster in found["clusters"]] == [sizes.get(k, 0) for k in range(5)]
    first, second = found["images"][:2]
    assert (first["cluster"], first["name"]) == (-1, "")
    assert (second["cluster"], second["found"]) == (4, int(table.labels.found[1]))
    assert [image["path"] for image in found["images"]] == table.labels.paths
    assert found["images"][9]["probability"] == pytest.approx(table.labels.probability[9])


def test_coco(table: LabelTable, tmp_path: Path) -> None:
    found = read_json("coco", table, tmp_path)
    names = {category["id"]: category["name"] for category in found["categories"]}
    files = {image["id"]: image["file_name"] for image in found["images"]}
    assert list(files.values()) == table.labels.paths
    assert [annotation["image_id"] for annotation in found["annotations"]] == list(range(1, 60))
    assert len({annotation["id"] for annotation in found["annotations"]}) == 59
    for annotation in found["annotations"]:
        row = annotation["image_id"]
        assert names[annotation["category_id"]] == table.names()[row]
        assert ("score" in annotation) == (row != 1)


def test_fiftyone(table: LabelTable, tmp_path: Path, photos: Path) -> None:
    found = read_json("fiftyone", table, tmp_path)
    assert [Path(file) for file in found["labels"]] == [
        photos.resolve() / path for path in table.labels.paths
    ]
    wrong, corrected, *others = found["labels"].values()
    assert wrong is None
    assert corrected == {"label": 4}
    assert all(0 < label["confidence"] <= 1 for label in others)
    assert [found["classes"][label["label"]] for label in others] == table.names()[2:]


def test_fiftyone_needs_files(run_path: Path, tmp_path: Path) -> None:
    run = Run(run_path)
    with pytest.raises(UsageError, match="has no image files"):
        written("fiftyone", LabelTable(run, read_labels(run)), tmp_path)
    assert list(tmp_path.glob("labels*")) == []


@pytest.mark.parametrize("name", ["json", "coco"])
def test_bytes_of_a_name_that_are_not_utf8_become_escapes(
    name: str, table: LabelTable, tmp_path: Path
) -> None:
    paths = ["\udcff/\u202e\"'.png", *table.labels.paths[1:]]
    odd = LabelTable(table.run, replace(table.labels, paths=paths))
    found = read_json(name, odd, tmp_path)
    assert found["images"][0]["path" if name == "json" else "file_name"] == paths[0]


def shares(table: LabelTable) -> Iterator[float]:
    return (
        row[found] for row, found in zip(table.shares_by_row(), table.labels.found, strict=True)
    )


def test_shares_go_with_the_probability(table: LabelTable, tmp_path: Path) -> None:
    full = replace(table, with_shares=True)
    assert full.columns[-3:] == ("share_0", "share_1", "share_2")
    np.testing.assert_allclose(list(shares(full)), table.labels.probability, atol=1e-4)
    found = read_json("json", full, tmp_path)["images"]
    assert [list(image["shares"].values()) for image in found] == list(full.shares_by_row())
    assert list(found[0]["shares"]) == ["share_0", "share_1", "share_2"]
    np.testing.assert_allclose([sum(image["shares"].values()) for image in found], 1, atol=2e-4)
    with written("csv", full, tmp_path).open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == full.columns
    assert [row[3] for row in rows] == table.names()


def test_shares_of_heads_that_have_all_collapsed_say_nothing(
    table: LabelTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ucls.runs.classifier import Classifier

    monkeypatch.setattr(Classifier, "knows_anything", False)
    full = replace(table, with_shares=True)
    assert next(full.shares_by_row()) == [0.3333] * 3


@pytest.mark.parametrize(
    ("out", "name", "chosen"),
    [
        ("a.csv", None, "csv"),
        ("a.PARQUET", None, "parquet"),
        ("a.json", None, "json"),
        ("a.json", "coco", "coco"),
        ("a.txt", "csv", "csv"),
        ("-", None, "csv"),
        ("-", "csv", "csv"),
    ],
)
def test_the_format_is_told_by_the_ending(out: str, name: str | None, chosen: str) -> None:
    assert choose_format(Path(out), name) == chosen


@pytest.mark.parametrize(
    ("out", "name", "part"),
    [
        ("a.txt", None, r"a\.txt does not tell a format: pass --format csv, parquet, json, coco"),
        ("a.csv", "yolo", "there is no format 'yolo': pass --format csv"),
        ("a.csv", "coco", r"the format coco has files that end in \.json, got a\.csv"),
        ("-", "json", "only csv goes to standard output, not json"),
    ],
)
def test_formats_that_do_not_fit(out: str, name: str | None, part: str) -> None:
    with pytest.raises(UsageError, match=part):
        choose_format(Path(out), name)
