from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Lines
from ucls.config import Config
from ucls.errors import UclsError, UsageError
from ucls.planning import measuring
from ucls.runs.catalog import stage_names
from ucls.stages.plan import Plan, machine, plan

SMALL = {"TIMED_IMAGES": 512, "FEWEST": 256, "QUERIES": 32, "WRITTEN": 2**16, "DECODED": 4}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measures with a little of everything."""
    for name, value in SMALL.items():
        monkeypatch.setattr(measuring, name, value)


def planned(source: Path, **options: Any) -> Plan:
    values = {"n_clusters": 4, "train.n_heads": 2}
    config = Config().with_values(values | options.pop("settings", {}))
    return plan(str(source), config=config, **options)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("settings", [{}, {"train.scales": [1], "merge.linkage": "none"}])
def test_features_are_planned_and_nothing_is_left(
    settings: dict[str, Any], sources: Path, own_cache: Path, lines: Lines
) -> None:
    found = planned(
        sources / "plain.npy", settings=settings, n_images=10**6, n_processes=2, reporter=lines
    )
    assert tuple(stage.stage for stage in found.stages) == stage_names()
    assert (found.n_images, found.n_clusters, found.n_processes) == (10**6, 4, 2)
    for stage in found.stages:
        is_idle = stage.stage == "merge" and bool(settings)
        assert (stage.seconds > 0) != is_idle
    assert found.measured_on == machine("cpu")
    assert not own_cache.exists() or not list(own_cache.rglob("*"))


@pytest.mark.usefixtures("few")
def test_images_go_through_an_untrained_backbone(photos: Path) -> None:
    found = planned(
        photos,
        settings={
            "extract.backbone": "timm/test_vit",
            "extract.workers": 1,
            "features": "cls+patch",
            "time_limit": "10m",
        },
    )
    extract, neighbors, *_ = found.stages
    assert extract.does == "test_vit, once for each image"
    assert extract.limit in ("decoding", "forward passes", "disk")
    assert neighbors.disk > 0


def test_more_clusters_than_images_are_refused(sources: Path) -> None:
    with pytest.raises(UsageError, match="4 clusters were asked for of only 3 images"):
        planned(sources / "plain.npy", n_images=3)
    with pytest.raises(UsageError, match="expected one image and one machine at least, got 9 and"):
        planned(sources / "plain.npy", n_images=9, n_processes=0)


def test_the_number_of_clusters_has_to_be_known(sources: Path) -> None:
    with pytest.raises(UsageError, match="how many clusters there will be: pass -k NUMBER"):
        plan(sources / "plain.npy")


def test_no_image_that_can_be_read_is_told(photos: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for name in "abc":
        (broken / f"{name}.jpg").write_bytes(b"no picture")
    with pytest.raises(UclsError, match="none of 3 images of broken could be read, such as a"):
        planned(broken, n_images=100, settings={"extract.backbone": "pixels"})
