import json
from pathlib import Path

import pytest

from tests.ucls.hierarchies.breeds import IDS, write_breeds
from ucls.errors import UsageError
from ucls.hierarchies import read_levels


def test_the_folder_of_breeds_is_cut_at_each_depth(tmp_path: Path) -> None:
    folder = write_breeds(tmp_path)
    levels = read_levels(folder, IDS)
    assert [(level.name, level.n_superclasses) for level in levels] == [
        ("level 1", 2), ("level 2", 2), ("level 3", 3), ("level 4", 4),
    ]  # fmt: skip
    assert levels[-1].superclasses["n02206856"] == "n02206856"
    assert read_levels(folder / "class_hierarchy.txt", IDS) == levels
    by_number = read_levels(folder, ["70", "71", "309"])[0]
    assert by_number.superclasses == {"70": "n01767661", "71": "n01767661", "309": "n02159955"}


def test_classes_that_breeds_lists_but_has_no_place_for_are_left_out(tmp_path: Path) -> None:
    levels = read_levels(write_breeds(tmp_path), (*IDS, "n01871265"))
    assert levels == read_levels(tmp_path, IDS)
    with pytest.raises(UsageError, match="lacks 1 label of the run, such as 'n00000001'"):
        read_levels(tmp_path, (*IDS, "n00000001"))


def test_tables_and_trees_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text("class,kind\npug,dog\ncup,vessel\nmug,vessel\nbus,\n")
    (tmp_path / "h.json").write_text(json.dumps({"dog": ["pug"], "vessel": ["cup", "mug"]}))
    names = ["cup", "pug", "mug"]
    (of_table,) = read_levels(tmp_path / "h.csv", names)
    (of_tree,) = read_levels(str(tmp_path / "h.json"), names)
    assert of_table.superclasses == of_tree.superclasses
    assert read_levels(tmp_path / "h.csv", [*names, "bus"]) == [of_table]
    for file in ("h.csv", "h.json"):
        with pytest.raises(UsageError, match="lacks 2 labels of the run, such as 'cat'"):
            read_levels(tmp_path / file, ["cat", "pug", "cow"])


def test_a_hierarchy_that_divides_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text("class,kind\npug,dog\nbeagle,dog\n")
    with pytest.raises(UsageError, match="no level with several superclasses"):
        read_levels(tmp_path / "h.csv", ["pug", "beagle"])
