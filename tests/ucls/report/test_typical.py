import numpy as np

from ucls.report.typical import largest_clusters, typical_rows
from ucls.runs.image_labels import ImageLabels


def labels_of(
    clusters: list[int], confidence: list[float], probability: list[float]
) -> ImageLabels:
    return ImageLabels(
        paths=[str(i) for i in range(len(clusters))],
        splits=["train"] * len(clusters),
        clusters=np.array(clusters, np.int32),
        confidence=np.array(confidence, np.float32),
        probability=np.array(probability, np.float32),
        found=np.array(clusters, np.int32),
    )


def test_agreement_counts_first_and_then_the_probability() -> None:
    labels = labels_of([1, 1, 0, 1, 1], [0.5, 0.9, 1.0, 0.9, 0.9], [1.0, 0.3, 1.0, 0.8, 0.3])
    assert list(typical_rows(labels, 1)) == [3, 1, 4, 0]
    assert list(typical_rows(labels, 7)) == []


def test_the_largest_clusters_in_the_order_of_their_numbers() -> None:
    clusters = [3, 3, 3, 0, 2, 2, 1, 1, -1, -1, -1, -1]
    ones = [1.0] * len(clusters)
    assert largest_clusters(labels_of(clusters, ones, ones), 2) == [1, 3]
    assert largest_clusters(labels_of(clusters, ones, ones), 9) == [0, 1, 2, 3]
