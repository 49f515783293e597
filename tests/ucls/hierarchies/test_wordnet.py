from pathlib import Path

import pytest

from tests.ucls.hierarchies.breeds import EDGES, write_breeds
from ucls.errors import UsageError
from ucls.hierarchies.wordnet import read_chains, read_ids


def chains_of(tmp_path: Path, text: str) -> dict[str, tuple[str, ...]]:
    (tmp_path / "class_hierarchy.txt").write_text(text)
    return read_chains(tmp_path / "class_hierarchy.txt")


def test_each_node_has_what_is_above_it(tmp_path: Path) -> None:
    found = chains_of(tmp_path, EDGES)
    assert len(found) == 16
    assert found["n02206856"] == ("n00001740", "n00004258", "n00015388", "n02159955", "n02206856")
    assert found["n00001740"] == ("n00001740",)


def test_of_several_parents_that_on_the_shortest_way_counts(tmp_path: Path) -> None:
    found = chains_of(tmp_path, "a b\nb c\nc leaf\na d\nd leaf\na e\ne leaf\n")
    assert found["leaf"] == ("a", "d", "leaf")


def test_there_may_be_several_roots(tmp_path: Path) -> None:
    assert chains_of(tmp_path, "a x\n\nb y\n")["y"] == ("b", "y")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a b\nb c\nc b\n", r"goes in a circle: (b > c > b|c > b > c); take"),
        ("a b\na b c\n", r"3 words in line 2: expected a parent and its child, .* got 'a b c'"),
    ],
)
def test_what_is_no_hierarchy_is_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        chains_of(tmp_path, text)


def test_classes_are_known_by_id_number_and_name(tmp_path: Path) -> None:
    ids = read_ids(write_breeds(tmp_path))
    for name in ("n01770393", "71", "scorpion"):
        assert ids[name] == "n01770393"
    assert ids["mug"] == "n03797390"
    with (tmp_path / "node_names.txt").open("a") as file:
        file.write("n99999999\tscorpion\n")
    assert "scorpion" not in read_ids(tmp_path)
    assert read_ids(tmp_path / "empty") == {}


def test_lists_of_names_that_are_none_are_told(tmp_path: Path) -> None:
    (write_breeds(tmp_path) / "dataset_class_info.json").write_text("[[1, 2]]")
    with pytest.raises(UsageError, match=r"dataset_class_info\.json is no list of \[number, id"):
        read_ids(tmp_path)
    (write_breeds(tmp_path) / "node_names.txt").write_text("n1 bee\n")
    with pytest.raises(UsageError, match=r"node_names\.txt has a line without a tab"):
        read_ids(tmp_path)
