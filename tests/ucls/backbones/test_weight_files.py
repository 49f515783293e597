import json

import pytest
import torch

from ucls.backbones.checkpoints import read_weights
from ucls.backbones.weight_files import weight_files
from ucls.errors import UsageError


def assert_same(state, expected):
    assert state.keys() == expected.keys() != set()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in state.items())


def test_parts_of_safetensors(hub_model, tmp_path):
    model = hub_model("Dinov2")
    model.save_pretrained(tmp_path / "whole")
    model.save_pretrained(tmp_path / "parts", max_shard_size="100KB")
    parts = weight_files(tmp_path / "parts")
    assert len(parts) > 2
    expected = read_weights(tmp_path / "whole")
    assert_same(read_weights(tmp_path / "whole" / "model.safetensors"), expected)
    assert_same(read_weights(tmp_path / "parts"), expected)
    assert_same(read_weights(tmp_path / "parts" / "model.safetensors.index.json"), expected)
    parts[1].unlink()
    with pytest.raises(UsageError, match=rf"lists {len(parts)} parts .*{parts[1].name} is missing"):
        read_weights(tmp_path / "parts")


def test_files_of_pytorch(hub_model, tmp_path):
    model = hub_model("Dinov2")
    model.save_pretrained(tmp_path / "whole")
    expected = read_weights(tmp_path / "whole")
    state = model.state_dict()
    (tmp_path / "bin").mkdir()
    torch.save(state, tmp_path / "bin" / "pytorch_model.bin")
    assert_same(read_weights(tmp_path / "bin"), expected)

    names = sorted(state)
    files = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"]
    (tmp_path / "parts").mkdir()
    for i, file in enumerate(files):
        torch.save({name: state[name] for name in names[i::2]}, tmp_path / "parts" / file)
    index = {"weight_map": {name: files[i % 2] for i, name in enumerate(names)}}
    (tmp_path / "parts" / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    assert_same(read_weights(tmp_path / "parts"), expected)


@pytest.mark.parametrize("index", ["[]", "{", "{}", '{"weight_map": {"a": "../b.bin"}}'])
def test_an_index_of_something_else(tmp_path, index):
    (tmp_path / "model.safetensors.index.json").write_text(index)
    with pytest.raises(UsageError, match="expected the list of a checkpoint's parts in"):
        weight_files(tmp_path)


def test_a_folder_without_weights(tmp_path):
    with pytest.raises(UsageError, match=r"a folder without model\.safetensors or"):
        weight_files(tmp_path)
