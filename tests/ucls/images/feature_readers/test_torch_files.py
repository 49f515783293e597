import pickle

import numpy as np
import pytest
import torch

from ucls.errors import UsageError
from ucls.images.feature_files import load_features
from ucls.images.feature_readers.torch_files import TORCH


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize("name", ["a.pt", "a.pth", "a"])
def test_a_tensor(tmp_path, values, is_zip, name):
    tensor = torch.from_numpy(values)
    torch.save(tensor, tmp_path / name, _use_new_zipfile_serialization=is_zip)
    loaded = load_features(tmp_path / name)
    np.testing.assert_array_equal(loaded.features[:], values)
    assert (loaded.paths[5], loaded.labels) == ("a/5", None)


@pytest.mark.parametrize(
    "labels", [torch.tensor([2, 1, 2, 1, 1, -1]), ["b", "a", "b", "a", "a", ""]]
)
def test_a_dict_of_tensors_with_labels(tmp_path, values, labels):
    torch.save({"embeddings": torch.from_numpy(values), "targets": labels}, tmp_path / "a.pt")
    loaded = load_features(tmp_path / "a.pt")
    np.testing.assert_array_equal(loaded.features[2:4], values[2:4])
    assert loaded.labels.tolist() == [1, 0, 1, 0, 0, -1]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.int32])
def test_kinds_of_numbers(tmp_path, values, dtype):
    tensor = torch.from_numpy(values).to(dtype).requires_grad_(dtype.is_floating_point)
    torch.save(tensor, tmp_path / "a.pt")
    loaded = load_features(tmp_path / "a.pt")
    np.testing.assert_array_equal(loaded.features[:], values)
    assert loaded.features.dtype == (np.float32 if dtype == torch.bfloat16 else str(dtype)[6:])


def test_what_is_stored_is_mapped_and_read_by_rows(tmp_path, values):
    torch.save({"x": torch.from_numpy(values), "n": 3}, tmp_path / "a.pt")
    contents = TORCH.open(tmp_path / "a.pt")
    assert (contents.names, contents.features) == (("x",), ("x",))
    stored = contents.array("x")
    assert (stored.shape, stored.dtype, stored.is_divisible) == ((6, 4), np.float32, True)
    np.testing.assert_array_equal(stored.read(slice(1, 3)), values[1:3])


class Trap:
    def __reduce__(self):
        return pytest.fail, ("something was unpickled",)


def test_objects_are_never_loaded(tmp_path, values):
    for number, content in enumerate([Trap(), {"x": torch.from_numpy(values), "y": Trap()}]):
        torch.save(content, tmp_path / f"{number}.pt")
        with pytest.raises(UsageError, match=r"Python objects.*never loaded"):
            load_features(tmp_path / f"{number}.pt")
    (tmp_path / "a.pt").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(UsageError, match=r"a\.pt, which is a pickle"):
        load_features(tmp_path / "a.pt")


def test_what_is_no_tensor(tmp_path, values):
    torch.save([torch.from_numpy(values)], tmp_path / "a.pt")
    with pytest.raises(UsageError, match=r"dict of tensors in .*a\.pt, got list: save"):
        load_features(tmp_path / "a.pt")


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_damage(tmp_path, values, share):
    path = tmp_path / "a.pt"
    torch.save(torch.from_numpy(values), path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(UsageError, match=r"cannot read .*a\.pt.*damaged"):
        load_features(path)
