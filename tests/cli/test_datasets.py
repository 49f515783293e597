from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.ucls.datasets.layouts import write_imagenet, write_mnist
from ucls.datasets import DATASETS


@pytest.fixture(autouse=True)
def no_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UCLS_DATA", raising=False)


def rows(out: str) -> dict[str, list[str]]:
    lines = [line.split() for line in out.splitlines()]
    return {line[0]: line[1:] for line in lines if line and line[0] in DATASETS}


def test_every_dataset_is_listed(cli: Cli) -> None:
    outcome = cli("datasets")
    assert (outcome.exit_code, outcome.err) == (0, "")
    listed = rows(outcome.out)
    assert list(listed) == list(DATASETS)
    for name, info in DATASETS.items():
        counts = [f"{info.n_train:,}", f"{info.n_val:,}", f"{info.n_classes:,}"]
        assert listed[name][:3] == counts
    assert "cifar100" in listed["cifar20"]
    assert "imagenet" in listed["imagenet50"]
    assert "found" not in outcome.out


def test_your_own_data_is_explained(cli: Cli) -> None:
    out = cli("datasets").out
    assert all(text in out for text in ("FOLDER", "LIST.csv", "FEATURES.npy"))


@pytest.mark.parametrize("from_environment", [False, True])
def test_which_datasets_are_there(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, from_environment: bool
) -> None:
    write_mnist(tmp_path)
    write_imagenet(tmp_path / "imagenet")
    if from_environment:
        monkeypatch.setenv("UCLS_DATA", str(tmp_path))
    outcome = cli("datasets", *([] if from_environment else ["--data-dir", tmp_path]))
    position = outcome.out.splitlines()[0].index("found")
    found = [
        line.split()[0]
        for line in outcome.out.splitlines()[1:]
        if line[position : position + 3] == "yes"
    ]
    assert found == ["digits", "mnist", "imagenet50", "imagenet100", "imagenet200", "imagenet"]


@pytest.mark.parametrize("width", [60, 80])
def test_the_table_fits_a_narrow_terminal(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    table, _, _ = cli("datasets", "--data-dir", tmp_path).out.partition("\n\n")
    assert list(rows(table)) == list(DATASETS)
    for line, info in zip(table.splitlines()[1:], DATASETS.values(), strict=True):
        assert len(line) <= width
        assert line.rstrip().endswith(info.description)


def test_a_data_folder_that_is_not_there(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("datasets", "--data-dir", tmp_path / "nowhere")
    assert (outcome.exit_code, outcome.out) == (2, "")
    assert f"there is no folder {tmp_path / 'nowhere'}: check --data-dir" in outcome.err
