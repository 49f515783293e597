import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from ucls.cache import read_tensor_metadata, read_tensors, write_tensors
from ucls.errors import UnreadableError, UsageError


def no_tensors(opened: Any) -> Any:
    """Opens files whose tensors cannot be read."""

    @contextmanager
    def open_without(path: Path, **options: str) -> Iterator[Any]:
        with opened(path, **options) as file:
            yield SimpleNamespace(metadata=file.metadata)

    return open_without


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "heads.safetensors"
    transposed = np.arange(6, dtype=np.float32).reshape(2, 3).T
    tensors = {"weight": transposed, "strided": np.arange(10)[::2], "half": np.float16([1.5])}
    tensors["scalar"] = np.array(3.0)
    write_tensors(path, tensors, {"best_head": "3", "é": "ü"})
    back, metadata = read_tensors(path)
    assert metadata == {"best_head": "3", "é": "ü"}
    assert back.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert back[name].dtype == tensor.dtype
        assert back[name].shape == tensor.shape
        np.testing.assert_array_equal(back[name], tensor)
    assert list(tmp_path.iterdir()) == [path]


def test_without_metadata(tmp_path: Path) -> None:
    write_tensors(tmp_path / "x", {"a": np.ones(1)}, {})
    assert read_tensors(tmp_path / "x")[1] == {}


def test_metadata_alone_is_read_without_the_tensors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tensors(tmp_path / "x", {"a": np.ones(1)}, {"kind": "y"})
    monkeypatch.setattr("ucls.cache.weights.safe_open", no_tensors(safe_open))
    assert read_tensor_metadata(tmp_path / "x") == {"kind": "y"}
    with pytest.raises(UsageError, match="does not exist; run the stage"):
        read_tensor_metadata(tmp_path / "y")


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist; run the stage"):
        read_tensors(tmp_path / "x")
    with pytest.raises(UnreadableError, match="cannot read"):
        read_tensors(tmp_path)


@pytest.mark.parametrize("size", [0, 5, 100])
def test_truncated(tmp_path: Path, size: int) -> None:
    path = tmp_path / "x"
    write_tensors(path, {"a": np.ones(100)}, {})
    os.truncate(path, size)
    with pytest.raises(UsageError, match="truncated or not a safetensors file"):
        read_tensors(path)


def test_what_has_changed_since_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_tensors(path, {"a": np.ones(100), "b": np.zeros((0, 3)), "c": np.array(True)}, {"k": "v"})
    content = path.read_bytes()
    for at in (content.index(b'\\"k\\"') + 2, len(content) - 50, len(content) - 1):
        changed = bytearray(content)
        changed[at] ^= 1
        path.write_bytes(changed)
        with pytest.raises(
            UsageError, match=r"damaged \(its content has changed since it was writt"
        ):
            read_tensors(path)


def test_files_without_a_checksum_are_read(tmp_path: Path) -> None:
    save_file({"a": np.ones(2)}, tmp_path / "x", {"ucls": '{"k": "v"}'})
    tensors, metadata = read_tensors(tmp_path / "x")
    assert (tensors["a"].tolist(), metadata) == ([1, 1], {"k": "v"})


def test_equal_content_gives_equal_bytes_that_others_may_read(tmp_path: Path) -> None:
    metadata = {name: name for name in "abcdefgh"}
    for name in ("x", "y"):
        write_tensors(tmp_path / name, {"a": np.ones(3), "b": np.zeros(2)}, metadata)
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()
    (tmp_path / "plain").touch()
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "plain").stat().st_mode
