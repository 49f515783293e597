from pathlib import Path

import pandas as pd
import pytest

from ucls.errors import UsageError
from ucls.hierarchies.columns import read_columns

TABLE = pd.DataFrame(
    {
        "class": ["pug", "tench, Tinca tinca", "cup"],
        "kind": ["dog", "fish", ""],
        "realm": ["animal", "animal", "thing"],
    }
)


@pytest.mark.parametrize("name", ["h.csv", "h.tsv", "h.txt"])
def test_each_column_is_a_level(tmp_path: Path, name: str) -> None:
    TABLE.to_csv(tmp_path / name, sep="," if name == "h.csv" else "\t", index=False)
    classes, (kinds, realms) = read_columns(tmp_path / name)
    assert classes == set(TABLE["class"])
    assert (kinds.name, realms.name) == ("kind", "realm")
    assert kinds.superclasses == {"pug": "dog", "tench, Tinca tinca": "fish"}
    assert realms.n_superclasses == 2


def test_a_mark_of_the_byte_order_and_empty_lines(tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text("class,kind\r\n\r\npug , dog\r\npug,dog\r\n", "utf-8-sig")
    assert read_columns(tmp_path / "h.csv")[1][0].superclasses == {"pug": "dog"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("label,superclass\na,b\n", "begins with 'label,superclass': expected the header"),
        ("class\na\n", "begins with 'class': expected the header"),
        ("", "begins with '': expected"),
        ("class,kind,kind\n", "expected the header"),
        ("class,kind\na,b\na,c\n", "gives a two superclasses, b and c: leave one line out"),
        ("class,kind\na,b\nc,d,e\n", "has 3 columns in line 3, but its header has 2"),
        ('class,kind\n"a,b\n', "is no CSV"),
    ],
)
def test_wrong_tables_are_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "h.csv").write_text(text)
    with pytest.raises(UsageError, match=said):
        read_columns(tmp_path / "h.csv")
