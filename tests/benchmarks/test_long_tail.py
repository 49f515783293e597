from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks import long_tail
from benchmarks.__main__ import app
from benchmarks.long_tail import RATIOS, VARIANTS, long_tails
from tests.ucls.datasets.layouts import write_cifar10
from ucls.errors import UsageError
from ucls.sources import Source, load_source
from ucls.stages.pretrain import Pretrained


def test_every_variant_sees_the_same_thinned_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[tuple[Source, Path, dict[str, Any]]] = []

    def pretrain(source: Source, *, out: Path, settings: dict[str, Any]) -> Pretrained:
        learned.append((source, out, settings))
        return Pretrained(out, {})

    def probe(source: Source, **options: Any) -> dict[str, Any]:
        seen, out, _ = learned[-1]
        assert (source, options["settings"]["extract.backbone"]) == (seen, str(out))
        return {"linear_probe": {"acc": 1 - len(learned) / 100}}

    monkeypatch.setattr(long_tail, "pretrain", pretrain)
    monkeypatch.setattr(long_tail, "probe", probe)
    source = load_source("digits")
    found = list(long_tails(source, n_images=300, n_seeds=2, epochs=3, folder=tmp_path))
    expected = [(name, ratio, seed) for seed in (0, 1) for name in VARIANTS for ratio in RATIOS]
    assert [one[:3] for one in found] == expected
    # Of the same variant and seed, on equal classes.
    assert [one.lost for one in found] == pytest.approx([0, 0.01, 0.02] * 8)
    assert len({out for _, out, _ in learned}) == len(found)
    seen = {
        (seed, ratio): (*source.splits["train"].paths, *source.splits["val"].paths)
        for (_, ratio, seed), (source, _, _) in zip(expected, learned, strict=True)
    }
    whole = np.ones(10)
    for (name, ratio, seed), one, (thinned, _, settings) in zip(
        expected, found, learned, strict=True
    ):
        train, val = thinned.splits["train"], thinned.splits["val"]
        assert (*train.paths, *val.paths) == seen[seed, ratio]
        assert one.n_images == len(train)
        whole = whole if ratio > 1 else np.bincount(train.labels)
        shares = np.sort(np.bincount(train.labels) / whole)[::-1]
        np.testing.assert_allclose(shares, ratio ** -(np.arange(10) / 9), atol=0.05)
        assert len(val) == 300
        assert settings.items() >= {**VARIANTS[name], "epochs": 3, "seed": seed}.items()
        assert settings["batch_size"] == min(128, len(train))
    assert seen[0, 100.0] != seen[1, 100.0]


def test_it_needs_labelled_val(blobs: Source, tmp_path: Path) -> None:
    options = {"n_images": 10, "n_seeds": 1, "epochs": 1, "folder": tmp_path}
    digits = load_source("digits")
    alone = replace(digits, splits={"train": digits.splits["train"]})
    with pytest.raises(UsageError, match="holds features"):
        next(long_tails(blobs, **options))
    with pytest.raises(UsageError, match="no labelled images of val to score"):
        next(long_tails(alone, **options))


@pytest.mark.slow
def test_a_line_for_each_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar10(tmp_path, n_train=60, n_val=20)
    names = list(VARIANTS)[:2]
    monkeypatch.setattr(long_tail, "VARIANTS", {name: VARIANTS[name] for name in names})
    monkeypatch.setattr(long_tail, "RATIOS", (1.0, 6.0))
    options = ["--source", "cifar10", "--data-dir", str(tmp_path), "--epochs", "1", "--seeds", "1"]
    result = CliRunner().invoke(app, ["long-tail", *options])
    assert result.exit_code == 0, result.output
    lines = [line.split(", ") for line in result.output.splitlines() if line.startswith("c2bin")]
    counts = {line[3] for line in lines if line[1] == "6:1"}
    assert [line[:4] for line in lines if line[1] == "1:1"] == [
        [name, "1:1", "0", "60"] for name in names
    ]
    assert len(lines) == 4
    assert len(counts) == 1
    assert counts < {str(number) for number in range(10, 60)}
    assert all(0 <= float(line[4]) <= 1 for line in lines)
