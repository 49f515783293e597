import pytest

from tests.ucls.datasets.layouts import WORDNET_IDS, write_lines, write_subset
from ucls.datasets.subset import read_subset
from ucls.errors import UsageError


def test_ids_with_and_without_names(tmp_path):
    path = write_lines(tmp_path / "a.txt", ["n01558993 robin, American robin", "", "n01440764\r"])
    assert read_subset(path, 2) == ("n01440764", "n01558993")


@pytest.mark.parametrize("n_classes", [50, 100, 200])
def test_the_number_of_ids(tmp_path, n_classes):
    path = write_subset(tmp_path / "a.txt", n_classes)
    assert read_subset(path, n_classes) == WORDNET_IDS[:n_classes]
    with pytest.raises(UsageError, match=rf"expected 60 distinct .*a\.txt, got {n_classes}"):
        read_subset(path, 60)


def test_repeated_ids_count_once(tmp_path):
    path = write_lines(tmp_path / "a.txt", ["n01440764", "n01440764"])
    with pytest.raises(UsageError, match="got 1"):
        read_subset(path, 2)


@pytest.mark.parametrize("line", ["robin", "n0144076", "n014407640", "m01440764", "n01440764,x"])
def test_lines_without_an_id(tmp_path, line):
    path = write_lines(tmp_path / "a.txt", ["n01440764", line])
    with pytest.raises(UsageError, match=r"such as n01440764 in line 2 of .*a\.txt, got '"):
        read_subset(path, 2)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read the subset .*b\.txt \(No such file"):
        read_subset(tmp_path / "b.txt", 50)
    with pytest.raises(UsageError, match="directory"):
        read_subset(tmp_path, 50)
