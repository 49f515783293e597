import math
from dataclasses import replace

import pytest

from benchmarks.speed.estimate.case import Case
from benchmarks.speed.estimate.extrapolation import (
    extrapolate,
    extrapolate_self_training,
    memory_of,
    seconds_here,
)
from benchmarks.speed.growth.record import Point
from benchmarks.speed.growth.works import ITERATIONS
from benchmarks.speed.size import Size
from tests.benchmarks.speed.growth.samples import power_law, stage_growth

FAR = Size(1_000_000, 1000, 50, 2048)


def with_seconds(growth, seconds):
    points = tuple(Point(one.size, (seconds(one.size),), one.memory_mb) for one in growth.points)
    return replace(growth, points=points)


@pytest.mark.parametrize("size", [FAR, Size(3000, 20, 5, 200)])
def test_a_power_law_is_followed_as_far_as_wanted(size):
    growth = with_seconds(stage_growth("neighbors"), lambda size: power_law(size, "NCD"))
    found = extrapolate(growth, size)
    assert found.value == pytest.approx(power_law(size, "NCD"))
    assert found.factor == pytest.approx(1.0)


def test_a_measured_size_is_what_was_measured():
    growth = with_seconds(stage_growth("evaluate"), lambda size: 1.0 + math.sin(hash(size)) ** 2)
    for point in growth.points:
        assert extrapolate(growth, point.size).value == pytest.approx(point.median)


def test_costs_that_add_up_are_added():
    def layers(size):
        return size.n_images * size.n_heads * (3.0 * size.n_clusters + 2.0 * size.n_features)

    growth = with_seconds(stage_growth("train"), layers)
    found = extrapolate(growth, FAR).value
    # Each axis alone has reached its slope only nearly.
    assert found == pytest.approx(layers(FAR), rel=0.35)
    within = replace(growth.base, n_clusters=128, n_features=512)
    assert extrapolate(growth, within).value == pytest.approx(layers(within))


def test_doubt_grows_with_the_distance():
    noise = iter([1.0, 1.3, 0.8, 1.2, 0.9, 1.1, 1.0, 1.2, 0.9, 1.0])
    growth = with_seconds(
        stage_growth("neighbors"), lambda size: power_law(size, "NCD") * next(noise)
    )
    near, far = (extrapolate(growth, replace(FAR, n_images=far)).factor for far in (10**6, 10**8))
    assert 1.0 < near < far
    assert extrapolate(growth, growth.base).factor == 1.0


def test_memory_is_extrapolated_alike():
    found = extrapolate(stage_growth("ensemble"), FAR, memory_of)
    assert found.value == pytest.approx(1e-3 * FAR.n_images * FAR.n_heads)


def test_self_training_takes_its_iterations_and_its_images_apart():
    def seconds(size):
        return (0.1 * ITERATIONS + 1e-5 * size.n_images) * size.n_clusters * size.n_features

    growth = with_seconds(stage_growth("self-train"), seconds)
    found = extrapolate_self_training(growth, Case("far", FAR, iterations=500))
    assert found.value == pytest.approx((0.1 * 500 + 1e-5 * 10**6) * 1000 * 2048)


def test_training_takes_its_epochs_with_all_clusters_of_a_head():
    growth = stage_growth("train")
    merged = Case("merged", FAR, scale=3)
    once, often = (seconds_here(growth, merged, epochs=epochs) for epochs in (1, 400))
    assert once == extrapolate(growth, replace(FAR, n_clusters=3000))
    assert often.value == pytest.approx(400 * once.value)
    assert often.factor == once.factor


def test_k_means_is_fitted_to_a_sample():
    growth = stage_growth("evaluate")
    sampled = replace(FAR, n_images=Case("far", FAR).n_fitted_to)
    assert sampled.n_images < FAR.n_images
    assert seconds_here(growth, Case("far", FAR), epochs=1) == extrapolate(growth, sampled)
