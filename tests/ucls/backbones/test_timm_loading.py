import time

import huggingface_hub.constants
import pytest
import timm
import torch
from safetensors.torch import save_file

from ucls.backbones.position_embeddings import resample_position_embedding
from ucls.backbones.timm_backbone import hash_weights
from ucls.backbones.timm_loading import check_patches, fit_to_size
from ucls.backbones.timm_loading import load_model as load
from ucls.backbones.timm_models import blueprint_of, timm_name
from ucls.errors import UclsError, UsageError

HOSTED = "test_vit.r160_in1k"


def load_model(name, **options):
    return load(blueprint_of(name, options.get("weights")), **options)


def random_model(name="test_vit", image_size=160, **options):
    torch.manual_seed(0)
    return timm.create_model(name, pretrained=False, img_size=image_size, **options).eval()


def random_model_without_head():
    model = random_model()
    model.reset_classifier(0)
    return model


def assert_same_weights(model, other):
    state, expected = model.state_dict(), other.state_dict()
    assert state.keys() == expected.keys()
    for name, tensor in state.items():
        assert torch.equal(tensor, expected[name]), name


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The weights of a tiny ViT at its own size, with its classifier."""
    path = tmp_path_factory.mktemp("weights") / "vit.safetensors"
    save_file(random_model().state_dict(), path)
    return str(path)


@pytest.fixture
def hub_cache(monkeypatch, tmp_path):
    """An empty cache of the hub, on a machine without a network."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_weights_of_a_file(saved):
    assert_same_weights(load_model("test_vit", weights=saved), random_model_without_head())


@pytest.mark.parametrize("image_size", [64, 96])
def test_weights_of_another_image_size_are_taken_as_they_are(tmp_path, image_size):
    trained = random_model(image_size=image_size, num_classes=0)
    torch.save({"model": trained.state_dict()}, tmp_path / "trained.pth")
    assert_same_weights(load_model("test_vit", weights=str(tmp_path / "trained.pth")), trained)


@pytest.mark.parametrize("size", [(64, 64), (96, 160), (80, 64)])
def test_other_models_are_resampled_as_timm_does(size):
    model, expected = random_model(), random_model()
    fit_to_size(model, size, position_offset=None)
    expected.set_input_size(size)
    assert_same_weights(model, expected)
    assert model.patch_embed.grid_size == (size[0] // 16, size[1] // 16)


def test_resampling_without_antialiasing_differs_but_in_the_patches_alone():
    model, expected = random_model(), random_model()
    fit_to_size(model, (64, 96), position_offset=0.1)
    expected.set_input_size((64, 96))
    assert model.pos_embed.shape == expected.pos_embed.shape
    assert torch.equal(model.pos_embed[:, 0], expected.pos_embed[:, 0])
    assert not torch.allclose(model.pos_embed[:, 1:], expected.pos_embed[:, 1:], atol=1e-3)


def test_random_weights_are_the_same_every_time_and_leave_the_random_state_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first = load_model("test_vit", weights="random")
    assert torch.equal(torch.rand(3), expected)
    assert_same_weights(first, load_model("test_vit", weights="random"))
    assert first.norm.weight.shape == (64,)


@torch.no_grad()
@pytest.mark.parametrize("name", ["test_vit", "dinov2_vits14_reg4", "dinov3_vits16"])
def test_random_weights_tell_images_apart(name):
    model = load_model(name, weights="random").eval()
    fit_to_size(model, (112, 112), position_offset=None)
    images = torch.randn(2, 3, 112, 112, generator=torch.Generator().manual_seed(0))
    first, second = model.forward_features(images)[:, 0]
    assert (first - second).abs().max() > 0.05


@pytest.mark.parametrize("trained", [(64, 128), (128, 64), (48, 64)])
@pytest.mark.parametrize("times", [1, 2])
def test_position_embeddings_of_a_grid_that_is_not_square(tmp_path, trained, times):
    model = random_model(image_size=trained, num_classes=0)
    torch.save(model.state_dict(), tmp_path / "wide.pth")
    size = (trained[0] * times, trained[1] * times)
    loaded = load_model("test_vit", weights=str(tmp_path / "wide.pth"), size=size)
    assert_same_weights(loaded, model)
    fit_to_size(loaded, size, position_offset=None)
    model.set_input_size(size)
    assert_same_weights(loaded, model)


def test_the_grid_is_kept_by_the_models_own_resampling():
    model = random_model(image_size=(64, 128))
    native = model.pos_embed.detach()
    fit_to_size(model, (96, 160), position_offset=0.1)
    expected = resample_position_embedding(native, (6, 10), offset=0.1, trained=(4, 8))
    assert torch.equal(model.pos_embed, expected)


@pytest.mark.parametrize(
    ("trained", "size", "message"),
    [
        ((64, 128), (64, 64), "for 32 patches, which are no square: take the image size"),
        ((32, 128), (32, 128), "for 16 patches, which are 2x8 or 4x4: take the image size"),
    ],
)
def test_a_grid_of_unknown_shape_is_refused(tmp_path, trained, size, message):
    torch.save(random_model(image_size=trained).state_dict(), tmp_path / "wide.pth")
    with pytest.raises(UsageError, match=message):
        load_model("test_vit", weights=str(tmp_path / "wide.pth"), size=size)


def test_patches_of_models_without_position_embeddings_are_checked_too(tmp_path):
    model = timm.create_model("vit_small_patch16_dinov3", num_classes=0, patch_size=8)
    torch.save(model.state_dict(), tmp_path / "patches.pth")
    with pytest.raises(UsageError, match="8 pixels per side of a patch, not 16"):
        load_model("dinov3_vits16", weights=str(tmp_path / "patches.pth"))


def test_missing_and_unexpected_weights_are_named(tmp_path):
    state = random_model().state_dict()
    state["blocks.0.extra"] = state.pop("blocks.1.norm1.weight")
    path = tmp_path / "wrong.safetensors"
    save_file(state, path)
    with pytest.raises(UsageError) as caught:
        load_model("test_vit", weights=str(path))
    message = str(caught.value)
    assert message.startswith(f"{path} does not hold weights of test_vit")
    assert "Missing" in message
    assert '"blocks.1.norm1.weight"' in message
    assert '"blocks.0.extra"' in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("norm_pre.weight", torch.ones(64)),
        ("blocks.10.norm1.weight", torch.ones(64)),
        ("blocks.0.attn.qkv.lora_A.default.weight", torch.ones(4, 64)),
        ("blocks.0.attn.qkv.weight_scale", torch.ones(1)),
        ("blocks.0.pre_logits.weight", torch.ones(64)),  # timm leaves out what is called so
        ("module.blocks.0.norm1.weight", torch.ones(64)),
        ("blocks.0.attn.qkv.weight", torch.ones(192, 64, dtype=torch.int8)),
    ],
)
def test_no_tensor_is_left_out_without_a_word(tmp_path, name, value):
    save_file(random_model().state_dict() | {name: value}, tmp_path / "more.safetensors")
    with pytest.raises(UsageError, match="does not hold weights of test_vit") as caught:
        load_model("test_vit", weights=str(tmp_path / "more.safetensors"))
    assert name in str(caught.value)


@pytest.mark.slow
def test_any_tensor_of_a_file_changes_the_hash(tmp_path):
    state = random_model_without_head().state_dict()
    names = [name for name in state if name.startswith("blocks.1.") or "blocks" not in name]
    hashes = set()
    for name in names:
        save_file(state | {name: state[name] + 1e-3}, tmp_path / "changed.safetensors")
        model = load_model("test_vit", weights=str(tmp_path / "changed.safetensors"))
        hashes.add(hash_weights(model.state_dict()))
    assert len(hashes - {hash_weights(state)}) == len(names) > 15


def test_weights_of_another_model(saved):
    with pytest.raises(UsageError, match="does not hold weights of vit_tiny") as caught:
        load_model("vit_tiny_patch16_224", weights=saved)
    assert len(str(caught.value)) < 700
    assert "\n" not in str(caught.value)


def test_weights_for_other_patches_are_not_resampled(saved):
    with pytest.raises(UsageError, match=r"16 pixels per side of a patch, not 8") as caught:
        load_model("dino_vits8", weights=saved)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("of", "name", "message"),
    [
        ("dinov2_vits14", "dinov2_vits14_reg4", "0 register tokens, not 4"),
        ("dinov2_vits14_reg4", "dinov2_vits14", "4 register tokens, not 0"),
        ("vit_base_patch16_siglip_gap_224", "dino_vitb16", "0 class tokens, not 1"),
        ("dino_vits16", "dino_vitb16", "384 numbers per token, not 768"),
    ],
)
def test_weights_with_other_tokens(tmp_path, of, name, message):
    path = tmp_path / "weights.pth"
    with torch.device("meta"):
        state = timm.create_model(timm_name(of), num_classes=0).state_dict()
    # Views of one number, which take no room on the disk.
    torch.save({key: torch.zeros(()).expand(tensor.shape) for key, tensor in state.items()}, path)
    with pytest.raises(UsageError, match=rf"does not hold weights of {name} \({message}\)"):
        load_model(name, weights=str(path))


def test_a_folder_is_no_weights():
    with pytest.raises(UsageError, match=r"expected .*got \.: it is a folder"):
        load_model("test_vit", weights=".")


def test_no_weights_and_no_network(hub_cache):
    with pytest.raises(UclsError, match="no weights for test_vit: ") as caught:
        load_model("test_vit")
    message = str(caught.value)
    for way_out in ("network", "--weights FILE", "--weights random", "--backbone pixels"):
        assert way_out in message
    assert caught.value.__cause__ is not None
    assert caught.value.exit_code == 1
    assert "\n" not in message


def save_in_hub_cache(hub_cache, state):
    repository = hub_cache / "models--timm--test_vit.r160_in1k"
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    save_file(state, snapshot / "model.safetensors")


def test_weights_in_the_cache_of_the_hub_need_no_network(hub_cache):
    save_in_hub_cache(hub_cache, random_model().state_dict())
    assert_same_weights(load_model(HOSTED), random_model_without_head())


def test_weights_of_the_hub_are_whole_too(hub_cache):
    state = random_model().state_dict()
    state.pop("blocks.1.norm1.weight")
    save_in_hub_cache(hub_cache, state)
    with pytest.raises(UsageError, match=r"Missing .*blocks\.1\.norm1\.weight"):
        load_model(HOSTED)


def test_an_unreachable_hub_is_not_asked_again_and_again(hub_cache, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(
        "huggingface_hub.hf_hub_url", lambda *_: "http://localhost:9/model.safetensors"
    )
    start = time.monotonic()
    with pytest.raises(UclsError, match="cannot be downloaded"):
        load_model(HOSTED)
    assert time.monotonic() - start < 10  # the hub's own client takes 23 seconds and more


def test_models_on_no_hub_ask_for_a_file(hub_cache):
    with pytest.raises(UsageError, match=r"no hub has weights of msn_vits16: .* --weights FILE"):
        load_model("msn_vits16")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("vit_tiny_patch16_225", "vit_tiny_patch16_224"),
        ("test_vit.r160_in2k", "test_vit.r160_in1k"),
        ("dinov2_vits14_reg", "dinov2_vits14_reg4"),
        ("DINOv2_vits14", "dinov2_vits14"),
        ("ViT_Tiny_Patch16_224", "vit_tiny_patch16_224"),
    ],
)
def test_unknown_names_give_close_ones(name, near):
    with pytest.raises(UsageError, match=f"no backbone '{name}'.*; did you mean .*{near}"):
        check_patches(blueprint_of(name), (32, 32))


@pytest.mark.parametrize(
    ("size", "near"),
    [
        ((225, 225), "an image size of 225: take a multiple of 14, such as 224"),
        ((230, 230), "such as 224"),
        ((5, 5), "such as 14"),
        ((224, 170), "an image size of 224x170: take a multiple of 14, such as 224x168"),
    ],
)
def test_the_image_size_is_a_multiple_of_the_patch_size(size, near):
    with pytest.raises(UsageError, match=near):
        check_patches(blueprint_of("dinov2_vits14_reg4"), size)


@pytest.mark.parametrize("size", [(224, 224), (224, 168), (14, 28)])
def test_sizes_that_fit(size):
    check_patches(blueprint_of("dinov2_vits14_reg4"), size)
