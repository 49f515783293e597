import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli, Lines, blobs
from ucls.corrections.edits import Move, read_corrections
from ucls.errors import UsageError
from ucls.progress import SILENT, Reporter
from ucls.runs.image_labels import ImageLabels, read_labels
from ucls.runs.known import read_known
from ucls.runs.run import Run
from ucls.stages.ensemble import ensemble
from ucls.stages.merge import merge
from ucls.stages.relabel import relabel
from ucls.stages.self_train import self_train
from ucls.stages.train import train

KINDS = ("ant", "bee", "cat", "dog")


def known_of(run_path: Path, rows: list[int], labels: list[str]) -> dict[str, str]:
    lines = [f"blobs/{row:03d},{label}" for row, label in zip(rows, labels, strict=True)]
    path = run_path.parent / "known.csv"
    path.write_text("\n".join(["path,label", *lines, "blobs/000,"]), encoding="utf-8")
    return {"merge.known": str(path)}


def relabelled(
    run_path: Path, settings: dict[str, Any], reporter: Reporter = SILENT
) -> ImageLabels:
    merge(run_path, settings=settings, reporter=reporter)
    ensemble(run_path, reporter=reporter)
    self_train(run_path, reporter=reporter)
    return read_labels(Run(run_path))


def test_known_images_keep_their_label_which_names_the_cluster(run_path: Path) -> None:
    classes = blobs(120, 0)[1]
    rows = list(range(1, 25))
    # One of them is said to be of another class than it looks.
    wanted = [KINDS[classes[row]] for row in rows[:-1]] + [KINDS[(classes[24] + 1) % 4]]
    labels = relabelled(run_path, known_of(run_path, rows, wanted))
    assert [labels.names[cluster] for cluster in labels.clusters[rows].tolist()] == wanted
    assert sorted(labels.names.values()) == list(KINDS)
    assert (labels.found == labels.clusters)[:120].all()  # the consensus respects them already
    (run_path.parent / "known.csv").unlink()  # the run has a copy
    assert Run(run_path).freshness.is_done("self-train")


def test_other_labels_are_another_merging(run_path: Path) -> None:
    merge(run_path, settings=known_of(run_path, [1, 2], ["a", "b"]))
    known_of(run_path, [1, 2], ["a", "a"])
    assert not Run(run_path).freshness.is_done("merge")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("path,label\nnowhere,x\n", "1 image that the run has not, such as nowhere"),
        ("path,label\n900,x\n", "1 image that the run has not, such as 900"),
        ("image,kind\na,x\n", "expected a CSV with path and label"),
        ("path,label\nblobs/001,\n", "says nothing"),
        ("path,label\nblobs/001,x\nblobs/001,y\n", "blobs/001 two labels, x and y"),
        ("path,label\n" + "".join(f"blobs/00{i},{i}\n" for i in range(5)), "-k 5 or more"),
    ],
)
def test_what_is_wrong_with_them_is_told(
    run_path: Path, tmp_path: Path, text: str, told: str
) -> None:
    (tmp_path / "wrong.csv").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=told):
        merge(run_path, settings={"merge.known": str(tmp_path / "wrong.csv")})


def test_pairs_end_in_one_cluster_or_two(run_path: Path) -> None:
    pairs = [(0, 1, "must"), (1, 2, "must"), (2, 3, "cannot"), (4, 5, "cannot"), (6, 7, "same")]
    path = run_path.parent / "pairs.csv"
    lines = [f"{a},blobs/{b:03d},{link}" for a, b, link in pairs]  # rows, or paths
    path.write_text("\n".join(["path_a,path_b,link", *lines]), encoding="utf-8")
    labels = relabelled(run_path, {"merge.known": str(path)})
    for a, b, link in pairs:
        assert (labels.clusters[a] == labels.clusters[b]) == (link != "cannot")
    assert labels.names == {}
    assert read_known(Run(run_path)).names == []  # type: ignore[union-attr]


def test_what_too_few_clusters_cannot_keep_apart_is_told(run_path: Path, lines: Lines) -> None:
    path = run_path.parent / "pairs.csv"
    pairs = [f"{a},{b},cannot" for a in range(5) for b in range(a)]
    path.write_text("\n".join(["path_a,path_b,link", *pairs]), encoding="utf-8")
    labels = relabelled(run_path, {"merge.known": str(path)}, lines)
    told = [line for line in lines.said if "cannot be in one cluster are" in line]
    assert len(told) == 1
    assert told[0].startswith("WARNING: ensemble: 1 pair that")
    assert len(set(labels.clusters[:5].tolist())) == 4


@pytest.mark.slow
@pytest.mark.parametrize("linkage", ["spectral", "average", "none"])
def test_any_way_of_merging_respects_what_is_known(run_path: Path, linkage: str) -> None:
    settings = known_of(run_path, [1, 2, 3, 4], list("abca")) | {"merge.linkage": linkage}
    if linkage == "none":
        train(run_path, settings=settings | {"train.scales": [1]})
    labels = relabelled(run_path, settings)
    assert [labels.names[cluster] for cluster in labels.clusters[1:5].tolist()] == list("abca")
    known_of(run_path, [1, 2], ["a", "a"])
    assert not Run(run_path).freshness.is_done("ensemble")
    labels = relabelled(run_path, {})
    assert labels.clusters[1] == labels.clusters[2]
    assert set(labels.names.values()) == {"a"}


@pytest.mark.slow
def test_corrections_by_hand_stay_only_where_the_same_is_known(
    run_path: Path, lines: Lines
) -> None:
    relabelled(run_path, known_of(run_path, [1, 2], ["a", "b"]))
    before = read_corrections(run_path / "corrections.toml")
    by_hand = Move(images=(9,), into=3)
    relabel(run_path, before.model_copy(update={"edits": (*before.edits, by_hand)}))
    self_train(run_path, overwrite=True)
    assert read_labels(Run(run_path)).clusters[9] == 3
    labels = relabelled(run_path, known_of(run_path, [1, 2], ["a", "c"]), lines)
    assert any("corrections.toml is put aside as corrections-previous" in t for t in lines.said)
    assert labels.names[int(labels.clusters[2])] == "c"
    assert by_hand in read_corrections(run_path / "corrections-previous.toml").edits


def test_corrections_that_no_one_changed_give_way_silently(run_path: Path, lines: Lines) -> None:
    relabelled(run_path, known_of(run_path, [1, 2], ["a", "b"]))
    labels = relabelled(run_path, known_of(run_path, [1, 2, 3], ["a", "c", "a"]), lines)
    assert sorted(labels.names.values()) == ["a", "c"]
    assert not any("put aside" in line for line in lines.said)
    assert not (run_path / "corrections-previous.toml").exists()


def test_a_smallest_size_leaves_a_cluster_for_each_label(run_path: Path) -> None:
    settings = known_of(run_path, [1, 2, 3], list("abc")) | {"merge.min_cluster_size": 60}
    labels = relabelled(run_path, settings)
    assert Run(run_path).n_clusters == 3
    assert [labels.names[cluster] for cluster in labels.clusters[1:4].tolist()] == list("abc")


def test_an_image_that_could_not_be_read_has_no_part(
    cli: Cli, photos: Path, tmp_path: Path, own_cache: Path
) -> None:
    own = Path(shutil.copytree(photos, tmp_path / "photos"))
    (own / "broken.jpg").write_bytes(b"no image")
    good = min(
        path.relative_to(own).as_posix() for path in own.rglob("*.*") if path.stem != "broken"
    )
    known = tmp_path / "known.csv"
    known.write_text(f"path,label\nbroken.jpg,x\n{good},y\n", encoding="utf-8")
    outcome = cli("extract", own, "-k", 3, "--backbone", "pixels", "--out", tmp_path / "run",
                  "--set", f"merge.known={known}")  # fmt: skip
    assert outcome.exit_code == 0
    assert (
        "1 image of which something is known could not be read, such as broken.jpg" in outcome.err
    )
    assert read_known(Run(tmp_path / "run")).skipped == ["broken.jpg"]  # type: ignore[union-attr]


def test_without_any_nothing_is_known(run_path: Path) -> None:
    assert read_known(Run(run_path)) is None


def test_a_wrong_file_is_told_before_the_extraction(
    cli: Cli, sources: Path, tmp_path: Path, own_cache: Path
) -> None:
    (tmp_path / "wrong.csv").write_text("image,kind\na,x\n", encoding="utf-8")
    text = "path_a,path_b,link\na,b,must\nb,c,must\na,c,cannot\n"
    (tmp_path / "contradiction.csv").write_text(text, encoding="utf-8")
    for name, told in (
        ("nowhere.csv", "there is no file"),
        ("wrong.csv", "path and label"),
        ("contradiction.csv", "a and c cannot be in one cluster"),
    ):
        outcome = cli("run", sources / "plain.npy", "-k", 4, "--known", tmp_path / name)
        assert outcome.exit_code == 2
        assert told in outcome.err
        assert not own_cache.exists()
