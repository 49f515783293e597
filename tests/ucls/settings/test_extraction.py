import numpy as np
import pytest
from PIL import Image

from ucls.errors import UsageError
from ucls.settings.config import Config, ExtractConfig
from ucls.settings.extraction import (
    DEFAULT_BACKBONE,
    assign_weights,
    cached_name,
    resolve_extractions,
)
from ucls.sources import load_source

TWO = "cls+patch@dinov2_vits14,cls@clip_vitb16"


def resolve(source, **values):
    """The only extraction's settings."""
    config = Config().with_values({name.replace("__", "."): v for name, v in values.items()})
    (resolved,) = resolve_extractions(config, source).values()
    return resolved


@pytest.fixture
def folder(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    return load_source(str(tmp_path))


@pytest.fixture
def feature_file(tmp_path):
    np.save(tmp_path / "a.npy", np.eye(4))
    return load_source(str(tmp_path / "a.npy"))


@pytest.fixture(scope="module")
def digits():
    return load_source("digits")


def test_a_folder_gets_the_default_vit(folder):
    resolved = resolve(folder)
    assert resolved.backbone == DEFAULT_BACKBONE
    assert (resolved.image_size, resolved.channels) == (224, 3)
    assert resolved.workers >= 1


@pytest.mark.parametrize(
    ("n_cores", "n_processes", "expected"),
    [(1, 1, 1), (3, 1, 3), (64, 1, 16), (64, 8, 8), (64, 2, 16), (2, 4, 1)],
)
def test_one_worker_per_core_up_to_sixteen(monkeypatch, digits, n_cores, n_processes, expected):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(n_cores)))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(n_processes))
    assert resolve(digits).workers == expected


@pytest.mark.parametrize(
    ("backbone", "expected"),
    [
        ("pixels", ("pixels", 32)),
        ("dinov2_vits14", ("dinov2_vits14", 224)),
        ("timm/vit_small_patch14_dinov2.lvd142m", ("dinov2_vits14", 224)),
        ("clip_vitl14_336", ("clip_vitl14_336", 336)),
        ("timm/test_vit", ("test_vit", 224)),
    ],
)
def test_every_backbone_has_one_name_and_its_size(folder, backbone, expected):
    resolved = resolve(folder, extract__backbone=backbone)
    assert (resolved.backbone, resolved.image_size) == expected


def test_digits_get_pixels_at_their_own_size(digits):
    resolved = resolve(digits)
    assert (resolved.backbone, resolved.image_size, resolved.channels) == ("pixels", 8, 1)


def test_a_vit_on_digits(digits):
    resolved = resolve(digits, extract__backbone="test_vit")
    assert (resolved.image_size, resolved.channels) == (224, 3)


def test_what_is_set_stays(digits):
    given = ExtractConfig(
        backbone="pixels", image_size=(5, 7), channels=3, workers=0, batch_size=7, strict=True
    )
    assert resolve_extractions(Config(extract=given), digits) == {"pixels": given}


def test_a_feature_file_needs_no_backbone(feature_file):
    resolved = resolve(feature_file)
    assert (resolved.backbone, resolved.workers) == ("features", 0)
    assert (resolved.image_size, resolved.channels) == (None, None)


@pytest.mark.parametrize("values", [{"extract__backbone": "pixels"}, {"features": "cls@pixels"}])
def test_a_feature_file_has_no_images(feature_file, values):
    with pytest.raises(UsageError, match="no images for backbone pixels"):
        resolve(feature_file, **values)


@pytest.mark.parametrize(
    "values", [{"weights": "random"}, {"image_size": 32}, {"precision": "float16"}, {"views": 2}]
)
def test_a_feature_file_has_nothing_to_set(feature_file, values):
    with pytest.raises(UsageError, match=r"so extract\.\w+ has no meaning for it, but it is"):
        resolve(feature_file, **{f"extract__{name}": value for name, value in values.items()})


def test_grey_images_for_a_vit(digits):
    with pytest.raises(UsageError, match="test_vit takes 3 channels, got 1"):
        resolve(digits, extract__backbone="test_vit", extract__channels=1)


def test_pixels_keep_their_size_beside_others(digits):
    config = Config(features="cls@pixels,cls@test_vit").with_values({"extract.image_size": 160})
    sizes = [item.image_size for item in resolve_extractions(config, digits).values()]
    assert sizes == [8, 160]


def test_a_square_has_one_name(digits):
    assert resolve(digits, extract__image_size=[6, 6]).image_size == 6


@pytest.mark.parametrize(
    "values", [{"extract__backbone": "features"}, {"features": "cls@features"}]
)
def test_images_are_no_features(digits, values):
    with pytest.raises(UsageError, match="needs a feature file"):
        resolve(digits, **values)


@pytest.mark.parametrize("features", ["cls4", "cls@test_vit,cls+patch@pixels"])
def test_pixels_have_no_tokens_to_choose_from(digits, features):
    with pytest.raises(UsageError, match=r"backbone pixels gives one vector .* --features cls"):
        resolve_extractions(Config(features=features), digits)


def test_several_backbones_have_settings_of_their_own(digits):
    config = Config(features="cls@pixels,cls+patch@test_vit,cls4@test_vit")
    extractions = resolve_extractions(config, digits)
    assert list(extractions) == ["pixels", "test_vit"]
    assert [item.image_size for item in extractions.values()] == [8, 224]


def test_a_part_without_a_name_is_of_the_backbone(digits):
    config = Config().with_values(
        {"features": "cls@pixels,cls4", "extract.backbone": "timm/test_vit"}
    )
    assert list(resolve_extractions(config, digits)) == ["test_vit", "pixels"]


def test_weights_of_the_only_backbone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert assign_weights(("a.pth",), ["vit"]) == {"vit": str(tmp_path / "a.pth")}
    assert assign_weights(("random",), ["vit"]) == {"vit": "random"}
    assert assign_weights((), ["vit"]) == {}
    (tmp_path / "lr=1.pth").touch()
    assert assign_weights(("lr=1.pth",), ["vit"]) == {"vit": str(tmp_path / "lr=1.pth")}
    (tmp_path / "a=b").mkdir()
    assert assign_weights(("x/a=b/c.pth",), ["vit"]) == {"vit": str(tmp_path / "x/a=b/c.pth")}


def test_weights_of_several_backbones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["dinov2_vits14", "clip_vitb16"]
    path = str(tmp_path / "a.pth")
    assert assign_weights(("random",), names) == dict.fromkeys(names, "random")
    assert assign_weights(("clip_vitb16=a.pth",), names) == {"clip_vitb16": path}
    timm_name = "timm/vit_small_patch14_dinov2.lvd142m"
    assert assign_weights((f"{timm_name}=random",), names) == {"dinov2_vits14": "random"}
    for given in (("random", "clip_vitb16=a.pth"), ("clip_vitb16=a.pth", "random")):
        assert assign_weights(given, names) == {"dinov2_vits14": "random", "clip_vitb16": path}
    with pytest.raises(UsageError, match=r"say whose weights .*a\.pth holds: --weights dinov2"):
        assign_weights(("a.pth",), names)
    with pytest.raises(UsageError, match=r"clip_vitb16 was given two weights, .*a\.pth and random"):
        assign_weights(("clip_vitb16=a.pth", "clip_vitb16=random"), names)
    for nothing in ("", "clip_vitb16=", "clip_vitb16= "):
        with pytest.raises(UsageError, match="expected a file with weights or random, got"):
            assign_weights((nothing,), names)
    with pytest.raises(UsageError, match="weights were given for backbone mae_vitb16, but"):
        assign_weights(("mae_vitb16=a.pth",), names)


def test_untrained_backbones_are_marked(digits):
    config = Config(features=TWO).with_values({"extract.weights": ["clip_vitb16=random"]})
    extractions = resolve_extractions(config, digits)
    assert [cached_name(item) for item in extractions.values()] == [
        "dinov2_vits14",
        "clip_vitb16-untrained",
    ]


@pytest.fixture
def hub_folder(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "dinov2", "hidden_size": 64}')
    processor = '{"do_center_crop": true, "crop_size": 56, "size": {"shortest_edge": 64}}'
    (folder / "preprocessor_config.json").write_text(processor)
    return str(folder)


@pytest.mark.parametrize("given", ["backbone", "weights"])
def test_a_folder_tells_backbone_weights_and_size(given, hub_folder, digits):
    values = {"backbone": hub_folder} if given == "backbone" else {"weights": (hub_folder,)}
    ((name, resolved),) = resolve_extractions(Config(extract=values), digits).items()
    assert name == resolved.backbone == "hf:dinov2_64x12_patch14"
    assert (resolved.weights, resolved.image_size) == ((hub_folder,), 56)


def test_a_folder_beside_a_name_keeps_the_name(hub_folder, digits):
    for text in ("facebook/dinov2-small", "dinov2_vits14"):
        extract = ExtractConfig(backbone=text, weights=(hub_folder,))
        ((name, resolved),) = resolve_extractions(Config(extract=extract), digits).items()
        assert (name, resolved.weights) == ("dinov2_vits14", (hub_folder,))
        assert resolved.image_size == 56
    names = ["dinov2_vits14", "pixels"]
    assert assign_weights((f"facebook/dinov2-small={hub_folder}",), names) == {
        "dinov2_vits14": hub_folder
    }


def test_a_folder_is_its_own_weights(hub_folder, digits):
    extract = ExtractConfig(backbone=hub_folder, weights=("other.pth",))
    with pytest.raises(UsageError, match="was given two weights"):
        resolve_extractions(Config(extract=extract), digits)


def test_tokens_of_a_pooled_model(digits):
    config = Config(features="cls4", extract=ExtractConfig(backbone="test_resnet"))
    with pytest.raises(UsageError, match="backbone test_resnet gives one vector per image, 'cls'"):
        resolve_extractions(config, digits)
