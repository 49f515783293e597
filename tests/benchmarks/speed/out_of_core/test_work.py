import time

import pytest

from benchmarks.simulated.features import SimulatedFeatures, write_simulated
from benchmarks.speed.measurement import Size
from benchmarks.speed.out_of_core import work
from ucls.cache import read_assignments
from ucls.runs.run import Run


def test_memory_is_looked_at_all_the_time(monkeypatch):
    monkeypatch.setattr(work, "SECONDS_BETWEEN_SAMPLES", 0.01)
    with work.sampled_memory() as samples:
        held = bytearray(50_000_000)
        time.sleep(0.2)
    assert len(samples) > 3
    assert samples[-1] > samples[0] - 1 > 50
    n_samples = len(samples)
    del held
    time.sleep(0.05)
    assert len(samples) == n_samples


def test_the_steps_train_from_disk(tmp_path):
    source = tmp_path / "features.h5"
    made = {"n_images": 400, "n_clusters": 4, "n_features": 16}
    work.make_source(str(source), made)
    written = source.stat().st_mtime_ns
    work.make_source(str(source), made)
    assert source.stat().st_mtime_ns == written
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


def test_a_source_of_another_size_is_refused(tmp_path):
    source = tmp_path / "features.h5"
    write_simulated(source, SimulatedFeatures(300, 3, 8))
    with pytest.raises(work.UsageError, match="holds other features: n_images 300"):
        work.make_source(str(source), {"n_images": 400, "n_clusters": 4, "n_features": 16})
