from benchmarks.simulated.source import make_source
from benchmarks.speed.measurement import Size
from benchmarks.speed.out_of_core import work
from ucls.cache import read_assignments
from ucls.runs.run import Run


def test_the_steps_train_from_disk(tmp_path):
    source = tmp_path / "features.h5"
    make_source(str(source), 400, 4, 16)
    cache = work.extract(str(source), str(tmp_path), work.settings_of(Size(400, 4, 2, 16)))
    work.prepare(str(tmp_path))
    figures = work.train_heads(str(tmp_path))
    work.read_once(cache)
    assert figures["epoch"] > 0
    run = Run(tmp_path / "run")
    assert run.config.features_in == "disk"
    assert run.config.train.components == "all"
    labels = read_assignments(run.folder.file("assignments.h5")).labels["train"]
    assert labels.shape == (2, 400)
