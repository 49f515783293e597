from pathlib import Path

import pytest

from ucls.cli.settings import gather, parse_setting, read_toml
from ucls.errors import UsageError
from ucls.presets import PRESETS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train.epochs=50", ("train.epochs", 50)),
        ("train.beta = 0.6", ("train.beta", 0.6)),
        ("train.batch_norm=false", ("train.batch_norm", False)),
        ("ensemble.heads=0-4,7", ("ensemble.heads", "0-4,7")),
        ('ensemble.heads="3"', ("ensemble.heads", "3")),
        ("extract.weights=/a b/c=d.safetensors", ("extract.weights", "/a b/c=d.safetensors")),
        ("self_train.learning_rates=[0.1, 0.2]", ("self_train.learning_rates", [0.1, 0.2])),
        ("neighbors.cap=none", ("neighbors.cap", "none")),
    ],
)
def test_values_are_toml_or_else_text(text: str, expected: tuple[str, object]) -> None:
    assert parse_setting(text) == expected


@pytest.mark.parametrize("text", ["train.epochs", "=5", ""])
def test_a_setting_needs_a_name_and_a_value(text: str) -> None:
    with pytest.raises(UsageError, match=r"expected --set NAME=VALUE such as train.epochs=50, got"):
        parse_setting(text)


def test_the_more_specific_wins(tmp_path: Path) -> None:
    config = tmp_path / "a.toml"
    config.write_text("seed = 1\nn_clusters = 7\n[train]\nepochs = 2\nbeta = 0.7\n")
    values = gather(
        preset="cifar20",
        config=config,
        settings=["train.beta=0.8", "seed=2"],
        seed=3,
        extract__strict=None,
    )
    assert values["train.n_heads"] == PRESETS["cifar20"].get("train.n_heads", 50)
    assert values["n_clusters"] == 7
    assert values["train.epochs"] == 2
    assert values["train.beta"] == 0.8
    assert values["seed"] == 3
    assert "extract.strict" not in values


def test_an_option_with_a_section(tmp_path: Path) -> None:
    assert gather(extract__backbone="pixels") == {"extract.backbone": "pixels"}


def test_files_that_are_no_toml(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no file .*a\.toml; expected a TOML file"):
        read_toml(tmp_path / "a.toml")
    with pytest.raises(UsageError, match="there is no file"):
        read_toml(tmp_path)
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="is not valid TOML"):
        read_toml(tmp_path / "a.toml")
