import json
from pathlib import Path
from typing import Any

import pytest

from ucls.errors import UsageError
from ucls.hierarchies.nested import read_nested

EXPECTED = {
    "pug": ("animal", "animal/dog", "pug"),
    "beagle": ("animal", "animal/dog", "beagle"),
    "cup": ("thing", "cup"),
}


def chains_of(tmp_path: Path, tree: Any) -> dict[str, tuple[str, ...]]:
    (tmp_path / "tree.json").write_text(json.dumps(tree))
    return read_nested(tmp_path / "tree.json")


@pytest.mark.parametrize(
    "tree",
    [
        {"animal": {"dog": ["pug", "beagle"]}, "thing": ["cup"]},
        {"animal": {"dog": {"pug": {}, "beagle": None}}, "thing": {"cup": []}},
        [
            {"name": "animal", "children": [{"name": "dog", "children": ["pug", "beagle"]}]},
            {"name": "thing", "children": [{"name": "cup"}]},
        ],
    ],
)
def test_a_tree_by_name_by_children_or_of_lists(tmp_path: Path, tree: Any) -> None:
    assert chains_of(tmp_path, tree) == EXPECTED


def test_one_name_may_stand_in_several_branches(tmp_path: Path) -> None:
    found = chains_of(tmp_path, {"a": {"other": ["x"]}, "b": {"other": ["y", 7]}})
    assert found["x"][1] != found["y"][1] == found["7"][1]


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"a": ["x"], "b": ["x"]}, "has x at two places, b and a: leave one out"),
        (["x", {"b": ["x"]}], "has x at two places, b and the root"),
        ({"a": [1.5]}, r"holds 1\.5 under a: expected objects of names"),
        (None, "holds None under the root"),
    ],
)
def test_what_is_no_tree_is_told(tmp_path: Path, tree: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        chains_of(tmp_path, tree)
    (tmp_path / "tree.json").write_text("{")
    with pytest.raises(UsageError, match="is no JSON"):
        read_nested(tmp_path / "tree.json")
