from pathlib import Path

import pytest

from ucls.errors import UsageError
from ucls.hierarchies import Level
from ucls.metrics.superclasses import superclass_metrics
from ucls.runs.labels import known_labels
from ucls.runs.own_labels import label_split
from ucls.runs.run import Run
from ucls.runs.superclasses import known_levels, level_figures
from ucls.settings.config import Config
from ucls.stages.start import start


def test_each_result_is_scored_at_each_level(shared_run: Path, tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text("class,half,none\n0,a,x\n1,a,y\n2,b,z\n3,,w\n")
    run = Run(shared_run)
    ((level, superclasses),) = known_levels(run, tmp_path / "h.csv")
    assert level == Level("half", {"0": "a", "1": "a", "2": "b"})
    assert superclasses.tolist() == [0, 0, 1, -1]
    (figures,) = level_figures(run, [(level, superclasses)])
    assert (figures["level"], figures["n_superclasses"], figures["n_classes"]) == ("half", 2, 3)
    for split in ("train", "val"):
        expected = superclass_metrics(
            known_labels(run)[split], label_split(run, split).clusters, superclasses
        )
        assert figures[split]["self_training"] == expected
        assert figures[split]["ensemble.chosen"].keys() == expected.keys()


def test_a_run_without_labels_has_no_superclasses(sources: Path, tmp_path: Path) -> None:
    run = start(str(sources / "plain.npy"), out=tmp_path / "run", config=Config(n_clusters=4))
    with pytest.raises(UsageError, match="knows no labels, so that a hierarchy"):
        known_levels(run, tmp_path / "h.csv")
