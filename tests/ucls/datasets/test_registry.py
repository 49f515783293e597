import pytest

from ucls.datasets import DATASETS
from ucls.settings.presets import PRESETS
from ucls.sources import load_source


def test_every_preset_is_for_a_dataset():
    assert PRESETS.keys() <= DATASETS.keys()
    for name, values in PRESETS.items():
        assert DATASETS[name].n_classes == values["n_clusters"]


def test_ten_datasets_share_six_image_sets():
    own = {
        name: info
        for name, info in DATASETS.items()
        if name not in ("digits", "mnist", "fashion-mnist")
    }
    assert len(own) == 10
    assert len({info.image_set for info in own.values()}) == 6


def test_small_grey_images_are_clustered_as_pixels():
    assert {name for name, info in DATASETS.items() if info.backbone == "pixels"} == {
        "digits", "mnist", "fashion-mnist",
    }  # fmt: skip


@pytest.mark.parametrize("name", [name for name, info in DATASETS.items() if info.files is None])
def test_what_ships_along_has_the_numbers_that_are_listed(name):
    source, info = load_source(name), DATASETS[name]
    assert len(source.splits["train"]) == info.n_train
    assert len(source.splits["val"]) == info.n_val
    assert source.n_classes == info.n_classes
    assert source.notes == ()
