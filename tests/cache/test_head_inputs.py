from pathlib import Path

import numpy as np
import pytest
from numpy.typing import DTypeLike, NDArray

from ucls.cache.head_inputs import HeadInputsFile, has_head_inputs, write_head_inputs
from ucls.errors import UsageError

M, WIDTH = 50, 6


def rows_of(dtype: DTypeLike) -> NDArray[np.floating]:
    return np.random.default_rng(0).normal(size=(M, WIDTH)).astype(dtype)


def write(path: Path, rows: NDArray[np.floating], key: str = "key") -> Path:
    parts = np.array_split(rows, 4)
    write_head_inputs(path, iter(parts), shape=rows.shape, dtype=rows.dtype, key=key)
    return path


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("numbers", [[3], [49, 0, 0, 17, 16], list(range(M))[::-1]], ids=len)
def test_rows_are_gathered_in_any_order(
    tmp_path: Path, dtype: DTypeLike, numbers: list[int]
) -> None:
    rows = rows_of(dtype)
    file = HeadInputsFile(write(tmp_path / "inputs.h5", rows))
    found = file.gather(np.array(numbers))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, rows[numbers])


@pytest.mark.parametrize("span", [slice(0, 5), slice(48, 99), slice(None)], ids=str)
def test_neighbouring_rows_are_read(tmp_path: Path, span: slice) -> None:
    rows = rows_of(np.float16)
    file = HeadInputsFile(write(tmp_path / "inputs.h5", rows))
    assert file.shape == (M, WIDTH)
    np.testing.assert_array_equal(file.read(span), rows[span])


def test_a_file_counts_only_with_its_key(tmp_path: Path) -> None:
    path = tmp_path / "inputs.h5"
    assert not has_head_inputs(path, "key")
    write(path, rows_of(np.float16))
    assert has_head_inputs(path, "key")
    assert not has_head_inputs(path, "other")
    path.write_bytes(path.read_bytes()[:100])
    assert not has_head_inputs(path, "key")


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    def parts():
        yield rows_of(np.float16)[:10]
        raise KeyboardInterrupt

    path = tmp_path / "inputs.h5"
    with pytest.raises(KeyboardInterrupt):
        write_head_inputs(path, parts(), shape=(M, WIDTH), dtype=np.float16, key="key")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_cut_while_open_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "inputs.h5", rows_of(np.float32))
    file = HeadInputsFile(path)
    with path.open("r+b") as cut:
        cut.truncate(2000)
    with pytest.raises(UsageError, match="truncated; remove it, then run `ucls train` again"):
        file.gather(np.array([M - 1]))
