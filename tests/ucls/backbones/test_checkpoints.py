import argparse
import pathlib
import pickle
import sys
import types
import warnings

import pytest
import torch
from safetensors.torch import save_file

from ucls.backbones.checkpoints import read_weights, select_backbone
from ucls.errors import UsageError

STATE = {
    "cls_token": torch.zeros(1, 1, 4),
    "blocks.0.attn.qkv.weight": torch.ones(12, 4),
    "blocks.1.attn.qkv.weight": torch.full((12, 4), 2.0),
    "norm.bias": torch.arange(4.0),
}
OTHER = {name: tensor + 100 for name, tensor in STATE.items()}
HEAD = torch.zeros(2, 2)


def prefixed(prefix, state):
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def chunked(state):
    return {
        name.replace("blocks.0.", "blocks.0.0.").replace("blocks.1.", "blocks.1.1."): tensor
        for name, tensor in state.items()
    }


CHECKPOINTS = {
    "plain": STATE,
    "dino": {
        "student": prefixed("module.backbone.", OTHER) | {"module.head.mlp.0.weight": HEAD},
        "teacher": prefixed("backbone.", STATE) | {"head.last_layer.weight_g": HEAD},
        "optimizer": {"state": {0: {"step": 1}}, "param_groups": [{"lr": 0.1}]},
        "args": argparse.Namespace(arch="vit_small", patch_size=16, out=pathlib.Path("/out")),
        "epoch": 100,
    },
    "dinov2": {
        "teacher": prefixed("backbone.", chunked(STATE))
        | {"dino_head.mlp.0.weight": HEAD, "ibot_head.mlp.0.weight": HEAD}
    },
    "msn": {
        "encoder": prefixed("module.", OTHER),
        "target_encoder": prefixed("module.", STATE) | {"module.fc.fc1.weight": HEAD},
        "prototypes": HEAD,
        "loss": 1.5,
    },
    "msn_without_target": {"encoder": prefixed("module.", STATE), "target_encoder": None},
    "mae": {"model": STATE | {"decoder_embed.weight": HEAD, "decoder_blocks.0.norm.bias": HEAD}},
    "state_dict": {"state_dict": prefixed("module.", STATE), "epoch": 3},
}


def assert_is_state(found):
    assert found.keys() == STATE.keys()
    for name, tensor in STATE.items():
        assert torch.equal(found[name], tensor)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kind", CHECKPOINTS)
def test_the_backbone_is_found_in_checkpoints(tmp_path, kind, zipped):
    path = tmp_path / "checkpoint.pth"
    torch.save(CHECKPOINTS[kind], path, _use_new_zipfile_serialization=zipped)
    assert_is_state(read_weights(path))


@pytest.mark.parametrize("module", ["pathlib", "pathlib._local"])
@pytest.mark.parametrize("name", ["WindowsPath", "PosixPath", "PurePosixPath"])
def test_options_may_hold_paths_of_any_system(tmp_path, monkeypatch, module, name):
    foreign = types.ModuleType(module)
    foreign.Foreign = type(name, (pathlib.PurePosixPath,), {"__module__": module})
    setattr(foreign, name, foreign.Foreign)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, module, foreign)
        checkpoint = {"model": STATE, "args": argparse.Namespace(out=foreign.Foreign("a/b"))}
        torch.save(checkpoint, tmp_path / "weights.pth")
    assert_is_state(read_weights(tmp_path / "weights.pth"))


@pytest.mark.parametrize("suffix", [".pth.tar", ".pt", ".bin", ".ckpt", ".PTH"])
def test_names_of_checkpoints(tmp_path, suffix):
    torch.save(STATE, tmp_path / f"weights{suffix}")
    assert_is_state(read_weights(tmp_path / f"weights{suffix}"))


def test_safetensors(tmp_path):
    for name in ("weights.safetensors", "weights.SAFETENSORS"):
        save_file(prefixed("module.", STATE), tmp_path / name)
        assert_is_state(read_weights(tmp_path / name))


def test_norms_are_no_heads():
    state = {"fc_norm.weight": HEAD, "attn_pool.mlp.fc1.weight": HEAD}
    assert select_backbone(state).keys() == state.keys()


class Runs:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (self.path,)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_checkpoint_never_runs(tmp_path, zipped):
    path, trace = tmp_path / "evil.pth", tmp_path / "ran"
    torch.save({"model": STATE, "args": Runs(trace)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(UsageError, match=r"holds Python objects \(.*\), which are never") as caught:
        read_weights(path)
    assert "\n" not in str(caught.value)
    assert not trace.exists()


def test_whole_models_are_refused(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pt")
    with warnings.catch_warnings(action="ignore"):
        torch.jit.script(torch.nn.Linear(2, 2)).save(tmp_path / "script.pt")
    for name, found in (
        ("model.pt", "torch.nn.modules.linear.Linear"),
        ("script.pt", "TorchScript"),
    ):
        with (
            warnings.catch_warnings(action="error"),
            pytest.raises(UsageError, match=f"{name} holds Python objects \\({found}"),
        ):
            read_weights(tmp_path / name)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_pickles_are_refused(tmp_path, protocol):
    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps({"cls_token": [1.0, 2.0]}, protocol))
    message = r"holds Python objects \(a plain pickle\), which are never"
    with warnings.catch_warnings(action="error"), pytest.raises(UsageError, match=message):
        read_weights(path)


def test_other_classes_are_allowed_no_longer_than_needed(tmp_path):
    torch.save(CHECKPOINTS["dino"], tmp_path / "dino.pth")
    before = set(torch.serialization.get_safe_globals())
    read_weights(tmp_path / "dino.pth")
    assert set(torch.serialization.get_safe_globals()) == before
    assert argparse.Namespace not in before


@pytest.mark.parametrize("name", ["weights", "weights.pth"])
def test_a_folder_is_no_file(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(UsageError, match=f"got .*{name}: it is a folder"):
        read_weights(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.pth", None, r"none\.pth: there is no such file"),
        ("none.safetensors", None, r"none\.safetensors: there is no such file"),
        ("model.npz", b"", r"got .*model\.npz: it is another kind"),
        ("damaged.safetensors", b"\x80" * 100, "as safetensors: it is damaged or incomplete"),
        ("empty.pth", b"", "as a PyTorch checkpoint: it is damaged or incomplete"),
        ("text.pth", b"version https://git-lfs.github.com/spec/v1", "it is damaged or incomplete"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message) as caught:
        read_weights(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("zipped", [True, False])
def test_half_a_checkpoint(tmp_path, zipped):
    path = tmp_path / "half.pth"
    torch.save(STATE, path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UsageError, match="damaged or incomplete"):
        read_weights(path)


@pytest.mark.parametrize(
    "content", [{}, {"epoch": 3}, [torch.zeros(2)], {"model": {"head.x": HEAD}}]
)
def test_checkpoints_without_a_model(tmp_path, content):
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(UsageError, match="a file without tensors of a model"):
        read_weights(tmp_path / "weights.pth")
