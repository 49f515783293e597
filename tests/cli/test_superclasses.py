import pytest

from ucls.cli.superclasses import print_superclasses

SCORES = dict.fromkeys(("acc", "nmi", "ami", "ari", "class_nmi", "class_ami", "class_ari"), 0.25)
FIGURES = {**SCORES, "n_images": 1200}


def test_a_line_for_each_level_that_a_split_has(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    levels = [
        {"level": "kind", "n_superclasses": 20, "n_classes": 100, "train": {"kmeans": FIGURES}},
        {
            "level": "realm", "n_superclasses": 3, "n_classes": 1000,
            "train": {"kmeans": {**FIGURES, "acc": 0.75}}, "val": {},
        },
    ]  # fmt: skip
    print_superclasses(levels)
    out = capsys.readouterr().out
    assert "k-means, train, against superclasses" in out
    assert "val" not in out
    rows = [line.replace("│", " ").split() for line in out.splitlines() if "1,200" in line]
    assert rows == [
        ["kind", "20", "100", "1,200", *["0.250"] * 7],
        ["realm", "3", "1,000", "1,200", "0.750", *["0.250"] * 6],
    ]
