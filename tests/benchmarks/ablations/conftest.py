"""Records of studies, without running any."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.ablations.record import Entry, Record
from benchmarks.ablations.studies import STUDIES
from ucls.sources import Source, load_source

MakeRecord = Callable[..., Record]


def made_up_figures(part_names: tuple[str, ...], acc: float) -> dict[str, Any]:
    """Figures of one run whose ACC, NMI and ARI are all alike."""
    scores = dict.fromkeys(("nmi", "acc", "ari"), acc)
    over_heads = {
        f"{name}_{how}": value
        for name in scores
        for how, value in (("mean", acc - 0.1), ("std", 0.02))
    }
    parts = {part: over_heads if part == "heads" else scores for part in part_names}
    neighbors = {
        "k": 5, "threshold": 0.25, "cap": 20, "capped": 0.5, "mean_count": 9.5,
        "accuracy": 0.75, "accuracy_above": 0.8,
    }  # fmt: skip
    return {"split": "val", "backbones": ["pixels"], **parts, "neighbors": neighbors}


@pytest.fixture
def make_record() -> MakeRecord:
    """Makes a record of a study; ``accs`` are the ACC of each seed, the same in every row."""

    def make(
        study: str = "components",
        *,
        accs: tuple[float, ...] = (0.8, 0.9),
        source: str = "digits",
        kind: str = "dataset",
        simulated: dict[str, int] | None = None,
    ) -> Record:
        of = STUDIES[study]
        entries = [
            Entry(
                variant.key,
                seed,
                "key",
                "folder",
                "a machine",
                figures=made_up_figures(of.parts, acc + 0.01 * place),
                seconds={"train": 2.0},
            )
            for seed, acc in enumerate(accs)
            for place, variant in enumerate(of.variants)
        ]
        return Record(
            study=study,
            source={"name": source, "kind": kind, "n_images": {"train": 90, "val": 30}},
            simulated=simulated,
            n_clusters=10,
            asked={"preset": None, "threshold": None, "set": {"train.epochs": 7}},
            rows={variant.key: variant.label for variant in of.variants},
            left_out={},
            command="python -m benchmarks ablate",
            machine={},
            settings={
                variant.key: {"neighbors.threshold": "typical", "neighbors.k": 5, "train.n": place}
                for place, variant in enumerate(of.variants)
            },
            entries=entries,
        )

    return make


@pytest.fixture
def blobs_source(sources: Path) -> Source:
    """120 labelled images of four classes, and 40 of ``val``."""
    return load_source(str(sources / "blobs.npz"), val=str(sources / "blobs-val.npz"))
