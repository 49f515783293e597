from pathlib import Path

import pytest

from ucls.errors import UsageError
from ucls.settings.pretraining import PretrainConfig, fit_pretrain_config, read_pretrain_config
from ucls.settings.pretraining_methods import METHODS


def fitted(n_images=10_000, n_classes=10, typical_side=500, **values):
    return fit_pretrain_config(
        read_pretrain_config(values),
        n_images=n_images,
        n_classes=n_classes,
        typical_side=typical_side,
    )


def test_what_small_images_are_is_said_once():
    files = (Path(__file__).parents[3] / "ucls").rglob("*.py")
    assert sum("\nSMALL_IMAGES = " in file.read_text(encoding="utf-8") for file in files) == 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("typical_side", [500, 32])
def test_nothing_but_clusters_stays_open(method, typical_side):
    given = {"masks": "masks"} if method.startswith("segins") else {}
    config = fitted(method=method, typical_side=typical_side, **given)
    left = {name for name, value in config if value is None}
    assert left <= {"precision", "workers", "n_clusters"}
    assert ("n_clusters" not in left) == METHODS[method].has_clusters


@pytest.mark.parametrize("method", METHODS)
def test_no_option_hides_a_common_setting(method):
    assert not METHODS[method].options.model_fields.keys() & PretrainConfig.model_fields.keys()


def test_small_images_have_settings_of_their_own_which_the_user_may_change():
    large, small = fitted(method="simsiam"), fitted(method="simsiam", typical_side=32)
    assert (large.n_local, large.learning_rate, large.options["projector_layers"]) == (4, 0.1, 3)
    assert (small.n_local, small.learning_rate, small.options["projector_layers"]) == (0, 0.06, 2)
    own = fitted(method="simsiam", typical_side=32, projector_layers=3, learning_rate=0.2)
    assert (own.options["projector_layers"], own.learning_rate) == (3, 0.2)


@pytest.mark.parametrize(("typical_side", "expected"), [(500, "none"), (64, "moco")])
def test_uic_recolours_small_images_alone(typical_side, expected):
    assert fitted(method="uic", typical_side=typical_side).recolours == expected


def test_global_crops_are_larger_beside_local_ones():
    assert fitted(method="simsiam").global_scale == (0.4, 1.0)
    assert fitted(method="simsiam", n_local=0).global_scale == (0.2, 1.0)
    assert fitted(method="simsiam", global_scale=(0.3, 1.0)).global_scale == (0.3, 1.0)


def test_rates_are_scaled_by_the_batch():
    assert fitted(method="simsiam", batch_size=256).learning_rate == pytest.approx(0.05)


def test_clusters_are_asked_of_methods_that_have_them_alone():
    assert fitted(method="simsiam", n_classes=None).n_clusters is None
    with pytest.raises(UsageError, match="the images have no labels, so say how many clusters"):
        fitted(n_classes=None)
    with pytest.raises(UsageError, match=r"simsiam learns no clusters, .* leave n_clusters \(-k\)"):
        fitted(method="simsiam", n_clusters=3)
