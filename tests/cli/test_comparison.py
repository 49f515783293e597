import numpy as np
import pytest

from ucls.cli.comparison import MOST_MATCHED, print_comparison
from ucls.report.comparison import compare_labels
from ucls.runs.image_labels import ImageLabels


def labels_of(clusters: list[int]) -> ImageLabels:
    n = len(clusters)
    numbers, ones = np.array(clusters, np.int32), np.ones(n, np.float32)
    return ImageLabels([f"{i}.png" for i in range(n)], ["train"] * n, numbers, ones, ones, numbers)


def test_images_of_one_run_only_and_marked_ones(capsys: pytest.CaptureFixture[str]) -> None:
    a = labels_of([0, 0, 1, -1, 1, 1, 0, 0, 0, 0])
    result, _ = compare_labels(a, labels_of([1, 1, 0, 0]))
    print_comparison(result)
    out = capsys.readouterr().out
    assert "1 image in no cluster in A or B, left out of the agreement" in out
    assert "6 images only in A: 4.png, 5.png, 6.png, 7.png, 8.png, ..." in out
    assert "only in B" not in out


def test_nothing_known(capsys: pytest.CaptureFixture[str]) -> None:
    print_comparison(compare_labels(labels_of([-1]), labels_of([0])).comparison)
    out = capsys.readouterr().out
    assert "agreement: unknown" in out
    assert "match" not in out.replace("match none", "")
    assert "clusters of B that match none: 0" in out


@pytest.mark.parametrize("width", ["60", "200"])
def test_a_thousand_clusters_stay_a_page(
    width: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    a = np.arange(3000) % 1000
    b = np.where(np.arange(3000) % 7 == 0, (a + 1) % 500, a)
    b[b >= 990] = 0
    result, _ = compare_labels(labels_of(a.tolist()), labels_of(b.tolist()))
    print_comparison(result)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < MOST_MATCHED + 40
    n_matched = sum(pair.is_matched for pair in result.overlaps)
    assert any(line.startswith(f"and {n_matched - MOST_MATCHED:,} more pairs") for line in lines)
    assert any(line.startswith("clusters of A that match none: ") for line in lines)
