import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from benchmarks.records import read_record
from benchmarks.speed import estimate as paper
from benchmarks.speed.growth.record import GrowthRecord
from benchmarks.speed.growth.works import ITERATIONS as FEW_ITERATIONS
from benchmarks.speed.measurement import Size
from benchmarks.speed.self_training import self_training
from benchmarks.speed.training import random_graph, random_inputs, step_taker, ucls_config
from tests.benchmarks.speed.flops import flops_of
from tests.benchmarks.speed.growth.samples import growth_record, power_law, stage_growth
from ucls.cache import Assignments, write_assignments, write_graph
from ucls.settings.config import SelfTrainConfig
from ucls.settings.presets import DINOV2_RATES
from ucls.training.trainer import HeadTrainer

KEPT = Path(__file__).parents[3] / "benchmarks" / "results"
RECORD = growth_record()
FAR = Size(1_000_000, 1000, 50, 2048)
WIDE = Size(2 * paper.BATCH_SIZE, 200, n_heads=2, n_features=256)


class Passes(TorchDispatchMode):
    """Counts the bytes that operations read and write, of those that are no large products."""

    n_bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        inputs, outputs = (
            {one.data_ptr(): one.nbytes for one in tree_leaves(tree) if torch.is_tensor(one)}
            for tree in ((args, kwargs), out)
        )
        in_place = func._schema.is_mutable
        moved = {} if not in_place and outputs.keys() <= inputs.keys() else {**inputs, **outputs}
        n_bytes = sum(moved.values()) * (1 if not in_place else 2)
        count = flop_registry.get(func.overloadpacket)
        if not count or count(*args, **(kwargs or {}), out_val=out) < 20 * n_bytes:
            self.n_bytes += n_bytes
        return out


@pytest.mark.slow
def test_a_training_step_on_paper_is_the_real_one():
    config = ucls_config(WIDE, precision="bfloat16")
    trainer = HeadTrainer.on(**random_inputs(WIDE), config=config, device=torch.device("cpu"))
    take_step = step_taker(trainer)
    # The optimiser makes its memory in the first step.
    take_step()
    real, load = flops_of(take_step), paper.training_load(WIDE)
    # Sinkhorn's scalings are products too.
    assert (load.half + load.single) / (2 * paper.EPOCHS) == pytest.approx(real, rel=0.01)
    with Passes() as counter:
        take_step()
    assert load.moved / (2 * paper.EPOCHS) == pytest.approx(counter.n_bytes, rel=0.15)


@pytest.mark.slow
def test_an_iteration_of_self_training_on_paper_is_the_real_one():
    config = SelfTrainConfig(batch_size=paper.BATCH_SIZE, learning_rates=DINOV2_RATES)
    once, twice = (
        flops_of(self_training(WIDE, config.model_copy(update={"iterations": n}))) for n in (1, 2)
    )
    whole = paper.self_training_load(replace(WIDE, n_images=0))
    assert whole.single / paper.ITERATIONS == twice - once


def test_a_load_takes_its_products_and_what_passes_between_them():
    device = paper.Device(100, 0.5, 10, 0.5, 1, 0.5)
    load = paper.Load(half=50e12, single=5e12, moved=0.5e12)
    assert load.seconds(device) == pytest.approx((2.0, 3.0))


@pytest.mark.parametrize("size", [FAR, Size(3000, 20, 5, 200)])
def test_a_power_law_is_followed_as_far_as_wanted(size):
    growth = stage_growth("neighbors", seconds=lambda size: power_law(size, "NCD"))
    assert paper.extrapolate(growth, size) == pytest.approx((power_law(size, "NCD"), 1.0))


def test_a_measured_size_is_what_was_measured():
    growth = stage_growth("evaluate", seconds=lambda size: 1.0 + math.sin(hash(size)) ** 2)
    for point in growth.points:
        assert paper.extrapolate(growth, point.size)[0] == pytest.approx(point.seconds[0])


def test_costs_that_add_up_are_added():
    def layers(size):
        return size.n_images * size.n_heads * (3.0 * size.n_clusters + 2.0 * size.n_features)

    growth = stage_growth("train", seconds=layers)
    within = replace(growth.base, n_clusters=128, n_features=512)
    assert paper.extrapolate(growth, within)[0] == pytest.approx(layers(within))


def test_doubt_grows_with_the_distance():
    noise = iter([1.0, 1.3, 0.8, 1.2, 0.9, 1.1, 1.0, 1.2, 0.9, 1.0])
    growth = stage_growth("neighbors", seconds=lambda size: power_law(size, "NCD") * next(noise))
    near, far = (paper.extrapolate(growth, replace(FAR, n_images=far))[1] for far in (10**6, 10**8))
    assert 1.0 < near < far
    assert paper.extrapolate(growth, growth.base)[1] == 1.0


def test_self_training_takes_its_iterations_and_its_images_apart():
    def seconds(size):
        return (0.1 * FEW_ITERATIONS + 1e-5 * size.n_images) * size.n_clusters * size.n_features

    here, _ = paper.seconds_here(stage_growth("self-train", seconds=seconds), FAR)
    assert here == pytest.approx((0.1 * paper.ITERATIONS + 1e-5 * 10**6) * 1000 * 2048)


def test_stages_without_a_device_are_taken_from_here():
    rows = paper.time_rows(paper.IMAGENET, RECORD, paper.Device())
    assert [row["stage"] for row in rows] == list(paper.STAGES)
    as_here = [row["stage"] for row in rows if row["here"] == row["device"]]
    assert as_here == ["ensemble", "evaluate"]
    assert all(row["products"] < row["device"] for row in rows if row["load"])


def test_rooms_are_those_of_real_files(tmp_path):
    size = Size(50_000, 7, n_heads=3, n_features=32)
    graph, heads = tmp_path / "graph.h5", tmp_path / "assignments.h5"
    write_graph(graph, random_graph(50_000, k=10))
    labels = np.zeros((3, 50_000), dtype=np.int32)
    numbers = np.zeros(3, dtype=np.float32), 7, np.full(3, 7, dtype=np.int32)
    parts = {"train": labels}, {"train": labels.astype(np.float16)}
    write_assignments(heads, Assignments(*parts, *numbers))
    assert paper.graph_bytes(size.n_images, 10) == pytest.approx(graph.stat().st_size, rel=0.02)
    found = paper.room(size, RECORD)["disk: assignments.h5, int32 and float16, all heads"]
    assert found == pytest.approx(heads.stat().st_size, rel=0.02)


def test_weights_are_those_of_real_heads():
    size = Size(512, 7, n_heads=3, n_features=32)
    config = ucls_config(size, precision="float32", batch_size=256)
    trainer = HeadTrainer.on(**random_inputs(size), config=config, device=torch.device("cpu"))
    trained = trainer.objective.weights() + trainer.objective.biases()
    assert paper.n_weights(size) == sum(parameter.numel() for parameter in trained)


def test_the_page_that_is_kept_is_that_of_the_record_that_is_kept():
    source = "benchmarks/results/growth/growth.json"
    record = read_record(KEPT / "growth" / "growth.json", GrowthRecord)
    text = paper.estimate_page(record, paper.Device(), source=source)
    assert text == (KEPT / "estimate.md").read_text(encoding="utf-8")
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == list(paper.CASES)
    assert "51 min without extraction, of which train 34 min, evaluate 9.5 min" in text
    assert "nan" not in text


@pytest.mark.parametrize(
    ("value", "time", "room"),
    [(0.5, "0.5 s", "0.5 B"), (119, "119 s", "119 B"), (1500, "25 min", "1.5 kB"),
     (6e10, "1,901 years", "60 GB")],
)  # fmt: skip
def test_a_figure_has_the_unit_that_suits_it(value, time, room):
    assert paper.in_unit(value, paper.TIMES, least=2) == time
    assert paper.in_unit(value, paper.ROOMS) == room
