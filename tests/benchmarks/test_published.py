import pytest

from benchmarks.accuracy.datasets import THESIS
from benchmarks.published import SCORES, PublishedRow, Score, load_published

PUBLISHED = load_published()
PARTS = {"best_head", "best_run", "ensemble", "self_training"}


def find(dataset: str, objective: str, part: str = "best_head") -> PublishedRow:
    rows = PUBLISHED.results[dataset]
    return next(row for row in rows if (row.objective, row.part) == (objective, part))


@pytest.mark.parametrize("dataset", THESIS)
def test_a_dataset_has_all_rows_of_ucls(dataset: str) -> None:
    rows = [row for row in PUBLISHED.results[dataset] if row.objective == "ucls"]
    assert {row.part for row in rows} == PARTS
    assert all(set(row.scores) == set(SCORES) for row in rows)
    for row in rows:
        # Only the mean over five runs has a deviation.
        deviations = {score.std is not None for score in row.scores.values()}
        assert deviations == {row.part == "best_head"}


def test_slips_are_put_right_with_a_note() -> None:
    food = find("food101", "ucls")
    assert food.scores["nmi"] == Score(85.67, 0.10)
    assert food.scores["acc"] == Score(80.54, 0.33)
    assert "interchanged" in str(food.note)
    assert "88.98" in str(find("cifar100", "ucls", "ensemble").note)
    assert "6.10" in str(find("stl10", "temi").note)
    assert find("imagenet", "temi").backbone == "MSN ViT-L/16"
    # As many digits as are printed.
    assert find("cifar10", "temi").scores["acc"] == Score(94.5, 0.03, digits=1)
    assert find("cifar10", "ucls", "self_training").scores["acc"] == Score(99.20, digits=2)


def test_ablations_have_the_rows_of_their_tables() -> None:
    ablations = PUBLISHED.ablations
    assert [len(ablation.rows) for ablation in ablations.values()] == [18, 20, 24, 8, 4]
    rows = [row for ablation in ablations.values() for row in ablation.rows]
    assert all(set(row.scores) == set(SCORES) for row in rows)
    assert {row.dataset for row in rows} <= {None, *THESIS}
