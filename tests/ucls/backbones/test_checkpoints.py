import argparse
import os
import pathlib
import pickle
import sys
import types
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import ucls.checkpoints
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


@pytest.mark.parametrize("name", ["w.pth.tar", "w.PTH", "w.safetensors", "w.SAFETENSORS", "w"])
@pytest.mark.parametrize("save", [save_file, torch.save])
def test_the_content_decides_whatever_the_name(tmp_path, name, save):
    save(prefixed("module.", STATE), tmp_path / name)
    assert_is_state(read_weights(tmp_path / name))
    assert ucls.checkpoints.read_weights is read_weights


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


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "weights.pth")
    with pytest.raises(UsageError, match=r"got .*weights\.pth: it is no regular file"):
        read_weights(tmp_path / "weights.pth")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.pth", None, r"none\.pth: there is no such file"),
        ("none.safetensors", None, r"none\.safetensors: there is no such file"),
        ("empty.pth", b"", "it is an empty file"),
        ("lfs.pth", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("page.safetensors", b"\n<!DOCTYPE html><html>", "it is a web page"),
        ("list.bin", b'{"metadata": {"total_size": 1}, "weight_map": {}}', "list of a checkpoint"),
        ("model.pth", b"\x89HDF\r\n\x1a\n" + bytes(600), "it is an HDF5 file"),
        ("model.npy", b"\x93NUMPY\x01\x00", "it is a NumPy array"),
        ("model.pth.gz", b"\x1f\x8b\x08\x00", "it is a compressed file; unpack"),
        ("model.tar", b"a" + bytes(256) + b"ustar" + bytes(300), "it is a tar archive; unpack"),
        ("notes.pt", "Gewichte für später".encode(), "it is a text file"),
        ("noise.pt", bytes(range(256)), "it is another kind of file"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message) as caught:
        read_weights(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert "damaged" not in str(caught.value)


@pytest.mark.parametrize(
    "save", [save_file, torch.save, partial(torch.save, _use_new_zipfile_serialization=False)]
)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_part_of_a_file_is_damaged(tmp_path, save, share):
    path = tmp_path / "part.pth"
    save(STATE, path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(UsageError, match="damaged or incomplete"):
        read_weights(path)


def test_a_whole_archive_of_another_kind_is_not_damaged(tmp_path):
    np.savez(tmp_path / "model.pth", cls_token=np.zeros(3))
    (tmp_path / "model.pth.npz").rename(tmp_path / "model.pth")
    with pytest.raises(
        UsageError, match=r"that can be read, got .*model\.pth: it is a zip archive"
    ):
        read_weights(tmp_path / "model.pth")


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), MemoryError()])
@pytest.mark.parametrize("reader", ["torch.load", "safetensors.torch.load_file"])
def test_a_file_that_cannot_be_read_now_is_not_damaged(tmp_path, monkeypatch, reader, error):
    def fail(*_args, **_options):
        raise error

    (torch.save if reader == "torch.load" else save_file)(STATE, tmp_path / "weights")
    monkeypatch.setattr(reader, fail)
    with pytest.raises(UsageError, match=r"cannot read .*: (Input|it does not fit)"):
        read_weights(tmp_path / "weights")


@pytest.mark.parametrize(
    "content", [{}, {"epoch": 3}, [torch.zeros(2)], {"model": {"head.x": HEAD}}]
)
def test_checkpoints_without_a_model(tmp_path, content):
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(UsageError, match="a file without tensors of a model"):
        read_weights(tmp_path / "weights.pth")
