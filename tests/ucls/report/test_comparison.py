import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from ucls.errors import UsageError
from ucls.report.comparison import compare_labels
from ucls.runs.image_labels import ImageLabels


def labels_of(
    clusters: Sequence[int],
    *,
    paths: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    found: Sequence[int] | None = None,
    names: Mapping[int, str] | None = None,
) -> ImageLabels:
    n = len(clusters)
    return ImageLabels(
        paths=list(paths or [f"{i}.png" for i in range(n)]),
        splits=list(splits or ["train"] * n),
        clusters=np.array(clusters, np.int32),
        confidence=np.ones(n, np.float32),
        probability=np.ones(n, np.float32),
        found=np.array(clusters if found is None else found, np.int32),
        names=names or {},
    )


def test_other_numbers_of_the_same_clusters_move_nothing() -> None:
    result, moved = compare_labels(labels_of([0, 0, 1, 2, 2, 2]), labels_of([5, 5, 0, 1, 1, 1]))
    assert moved == []
    assert (result.ari, result.nmi, result.share_matched) == (1.0, pytest.approx(1.0), 1.0)
    assert [(p.a, p.b, p.n_images, p.is_matched) for p in result.overlaps] == [
        (2, 1, 3, True), (0, 5, 2, True), (1, 0, 1, True),
    ]  # fmt: skip


def test_the_best_map_may_leave_the_largest_overlap_unmatched() -> None:
    # Greedily 0 would take 0, and 3 + 1 images match; 0 to 1 and 1 to 0 match 2 + 3.
    a = labels_of([0] * 5 + [1] * 4)
    b = labels_of([0] * 3 + [1] * 2 + [0] * 3 + [1] * 1)
    result, moved = compare_labels(a, b)
    matched = {(p.a, p.b) for p in result.overlaps if p.is_matched}
    assert matched == {(0, 1), (1, 0)}
    assert result.share_matched == pytest.approx(5 / 9)
    assert result.n_moved == len(moved) == 4
    assert [image.path for image in moved] == ["0.png", "1.png", "2.png", "8.png"]


def test_agreement_is_that_of_scikit_learn_with_other_numbers_of_clusters() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 7, 300)
    b = np.where(rng.random(300) < 0.6, a // 2, rng.integers(0, 4, 300))
    result, _ = compare_labels(labels_of(a.tolist()), labels_of(b.tolist()))
    assert result.ari == pytest.approx(adjusted_rand_score(a, b))
    assert result.nmi == pytest.approx(normalized_mutual_info_score(a, b))
    assert len(result.a.unmatched) == 3
    assert result.b.unmatched == []
    assert sum(pair.n_images for pair in result.overlaps) == 300
    for pair in result.overlaps:
        assert pair.share_of_a == pytest.approx(pair.n_images / (a == pair.a).sum())
        assert pair.share_of_b == pytest.approx(pair.n_images / (b == pair.b).sum())


def test_images_are_matched_by_split_and_path_in_any_order() -> None:
    a = labels_of([0, 0, 1, 1], paths=["x", "y", "x", "z"], splits=["train", "train", "val", "val"])
    b = labels_of([4, 3, 3, 3], paths=["x", "y", "x", "w"], splits=["val", "train", "train", "val"])
    result, moved = compare_labels(a, b)
    assert (result.n_common, result.a.only, result.b.only) == (3, 1, 1)
    assert (result.a.examples, result.b.examples) == (["z"], ["w"])
    assert moved == []
    assert result.share_matched == 1.0


def test_images_marked_as_wrong_move_unless_both_mark_them() -> None:
    a = labels_of([0, 0, 1, 1, -1, -1], found=[0, 0, 1, 1, 1, 0], names={0: "cats"})
    b = labels_of([0, 0, 1, -1, 1, -1])
    result, moved = compare_labels(a, b)
    assert [tuple(image) for image in moved] == [
        ("3.png", "train", 1, "", -1, ""),
        ("4.png", "train", -1, "", 1, ""),
    ]
    assert (result.n_marked, result.n_moved, result.share_matched) == (3, 2, 1.0)
    assert (result.a.is_corrected, result.b.is_corrected) == (True, False)


def test_a_cluster_without_a_partner_is_no_match_for_images_marked_as_wrong() -> None:
    _, moved = compare_labels(labels_of([0, 1]), labels_of([0, -1]))
    assert [image.path for image in moved] == ["1.png"]


def test_all_marked_as_wrong_leaves_the_agreement_unknown() -> None:
    result, moved = compare_labels(labels_of([-1, -1]), labels_of([0, -1]))
    assert (result.ari, result.nmi, result.share_matched) == (None, None, None)
    assert (result.overlaps, result.n_marked, len(moved)) == ([], 2, 1)


def test_names_come_along() -> None:
    a = labels_of([0, 0, 0, 1], names={0: "cats", 1: "dogs"})
    b = labels_of([2, 2, 2, 2], names={2: "pets"})
    _, moved = compare_labels(a, b)
    assert [tuple(image) for image in moved] == [("3.png", "train", 1, "dogs", 2, "pets")]


def test_json_can_hold_it() -> None:
    result, _ = compare_labels(labels_of([0, 1, 1], names={1: '"<b>"'}), labels_of([0, 0, 1]))
    again = json.loads(json.dumps(asdict(result), allow_nan=False))
    assert again["a"]["names"] == {"1": '"<b>"'}
    assert again["overlaps"][0]["n_images"] == 1


def test_nothing_in_common_names_both() -> None:
    with pytest.raises(UsageError, match=r"runs/a \(such as 0\.png of train\).*same SOURCE"):
        compare_labels(labels_of([0]), labels_of([0], splits=["val"]), paths=("runs/a", "runs/b"))


def test_a_thousand_clusters_take_a_moment() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 1000, 20_000)
    b = np.where(rng.random(20_000) < 0.9, 999 - a, rng.integers(0, 1000, 20_000))
    result, moved = compare_labels(labels_of(a.tolist()), labels_of(b.tolist()))
    matched = [pair for pair in result.overlaps if pair.is_matched]
    assert all(pair.b == 999 - pair.a for pair in matched)
    assert len(matched) == 1000
    assert len(moved) == result.n_moved == (b != 999 - a).sum()
