from dataclasses import replace
from typing import Any

import pytest

from tests.ucls.runs.test_resolve import DATA
from ucls.planning.measured import Line, Measured, Search
from ucls.planning.scale import Scale
from ucls.planning.sizes import graph_bytes
from ucls.planning.stages import StagePlan, plan_stages
from ucls.runs.resolve import resolve
from ucls.settings.config import Config

N = 10**6
FREE = 10**12
MEASURED = Measured(
    decode=8e-3,
    forward=3e-3,
    bytes_per_second=1e9,
    pair=1e-9,
    approximate=Search(10**4, build=2.0, query=1e-3),
    step=0.25,
    iteration=0.5,
    labelling=1e-5,
    merge=Line(3.0, 1e-6),
    ensemble=Line(1.0, 2e-6),
    kmeans=Line(1.0, 1e-4),
    assigning=1e-6,
)


def scale(n_processes: int = 1, *, n_images: int = N, **settings: Any) -> Scale:
    values = {name.replace("__", "."): value for name, value in settings.items()}
    data = DATA.model_copy(update={"n_images": n_images})
    config = resolve(Config(n_clusters=10).with_values(values), data)
    return Scale(
        config=config,
        n_images=n_images,
        n_processes=n_processes,
        width=16,
        cached=64,
        itemsize=2,
        tokens={"cls": slice(0, 8), "cls+patch": slice(0, 16)},
        path_length=36.0,
        backbones=("vit",),
        workers=4,
        device="cpu",
        free=FREE,
    )


def planned(of: Scale, **measured: Any) -> dict[str, StagePlan]:
    return {stage.stage: stage for stage in plan_stages(of, MEASURED._replace(**measured))}


def test_images_are_decoded_beside_a_gpu_and_before_a_cpu() -> None:
    of = scale()
    cpu, gpu = (planned(replace(of, device=name))["extract"] for name in ("cpu", "cuda"))
    assert cpu.seconds == pytest.approx(N * (8e-3 / 4 + 3e-3))
    assert gpu.seconds == pytest.approx(N * 3e-3)
    assert cpu.limit == gpu.limit == "forward passes"
    assert cpu.disk == N * (64 + 36)
    slow = planned(replace(of, device="cuda"), decode=1.0)["extract"]
    assert (slow.seconds, slow.limit) == (pytest.approx(N / 4), "decoding")


def test_machines_divide_the_images_and_the_first_puts_them_together() -> None:
    one = planned(scale(4))["extract"]
    assert one.seconds == pytest.approx(N * 5e-3 / 4 + 2 * N * 100 / 1e9)


def test_a_feature_file_is_copied() -> None:
    copied = planned(replace(scale(4), backbones=()))["extract"]
    assert copied.seconds == pytest.approx(N * 100 / 1e9)
    assert copied.limit == "disk"


def test_exact_search_grows_with_all_pairs() -> None:
    one, eight = (planned(scale(n))["neighbors"] for n in (1, 8))
    read = N * 16 * 2 / 1e9
    assert one.seconds == pytest.approx(N**2 * 1e-9 + read)
    assert eight.seconds == pytest.approx(N**2 * 1e-9 / 8 + read)
    assert one.disk == graph_bytes(N, 100)  # half of the images have more than the 50 nearest
    assert one.memory == graph_bytes(N, 100) + N * 16 * 2
    nearest = planned(scale(neighbors__threshold=1.0))["neighbors"]
    assert nearest.disk == graph_bytes(N, 50)
    assert one.limit == "all pairs, N²"


def test_approximate_search_grows_with_the_root_of_the_images() -> None:
    of = scale(2, neighbors__search="approximate")
    filling, searching, checking = 2.0 * 100 * 10, N * 1e-3 * 10 / 2, 1024 * N * 1e-9
    found = planned(of)["neighbors"]
    assert found.seconds == pytest.approx(filling + searching + checking)
    assert found.memory == graph_bytes(N, 100) + 2 * N * 16 * 2


def test_exact_search_tells_of_a_quicker_one() -> None:
    limit = planned(scale(), pair=1e-6)["neighbors"].limit
    assert "; neighbors.search=approximate: " in limit


@pytest.mark.parametrize(
    ("n_processes", "parallel", "groups"),
    [(1, "heads", 3.0), (2, "heads", 2.0), (8, "heads", 2.0), (4, "data", 3.0 / 4)],
)
def test_machines_train_a_group_of_heads_each(
    n_processes: int, parallel: str, groups: float
) -> None:
    of = scale(n_processes, train__parallel=parallel)
    steps = 30 * (N // 1024)
    assert planned(of)["train"].seconds == pytest.approx(0.25 * steps * groups)


def test_kinds_of_features_are_divided() -> None:
    one, two, many = (planned(scale(n))["self-train"].seconds for n in (1, 2, 8))
    iterations = 10 * N // 1024
    assert one - two == pytest.approx(0.5 * 0.5 * iterations)
    assert two == many
    assert one == pytest.approx(0.5 * iterations + N * 1e-5 + N * 16 * 2 / 1e9)


def test_the_first_merges_and_votes_alone() -> None:
    for n_processes in (1, 8):
        stages = planned(scale(n_processes))
        assert stages["merge"].seconds == pytest.approx(3.0 + N * 1e-6)
        assert stages["ensemble"].seconds == pytest.approx(1.0 + N * 2e-6)
    alone = planned(scale(merge__linkage="none"))["merge"]
    assert (alone.seconds, alone.does) == (0.0, "nothing: heads stay as they are")


def test_k_means_of_all_or_of_a_sample() -> None:
    restarts = {"evaluate__kmeans_restarts": 2}
    for n_images, fitted in ((N, N), (10**9, 2560)):
        found = planned(scale(n_images=n_images, **restarts))["evaluate"]
        once = n_images * 1e-6 + n_images * 64 / 1e9
        assert found.seconds == pytest.approx(2 * (1 + fitted * 1e-4) + once)


def test_what_does_not_fit_into_memory_stays_on_disk_or_is_told() -> None:
    of = replace(scale(), free=10**8)
    stages = planned(of)
    for name in ("train", "self-train"):
        assert stages[name].does.endswith(", features on disk") == (name == "train")
    assert stages["train"].limit.startswith("memory: 100.0 MB are free; ")
    held = replace(of, config=of.config.model_copy(update={"features_in": "memory"}))
    assert "disk" not in planned(held)["train"].does
    assert planned(held)["train"].memory > stages["train"].memory
    assert not any(stage.limit.startswith("memory") for stage in planned(scale()).values())
