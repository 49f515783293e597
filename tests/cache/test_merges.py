from pathlib import Path

import h5py
import numpy as np
import pytest

from ucls.cache import read_merges, read_n_left, write_merges
from ucls.errors import UsageError
from ucls.types import MergedHead, MergedHeads

TREE = np.array([[0.0, 2, 0.5, 2], [1, 3, 1.75, 3]])
MERGED = MergedHeads(
    heads=(
        MergedHead(np.int32([0, -1, 1, -1, -1, 2]), TREE),
        MergedHead(np.int32([-1, 0]), np.zeros((0, 4))),
        MergedHead(np.int32([-1, -1]), np.zeros((0, 4))),
    ),
    linkage="average",
    cut_shares={"spectral": 0.5, "diffusion": 0.1},
    clearest=7,
    n_left=3,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_merges(tmp_path / "merges.h5", MERGED)
    return tmp_path / "merges.h5"


def test_round_trip(path: Path) -> None:
    found = read_merges(path)
    assert (found.linkage, found.cut_shares) == (MERGED.linkage, MERGED.cut_shares)
    assert (found.look_unequal, found.clearest, found.n_left) == (True, 7, 3)
    assert read_n_left(path) == 3
    for written, read in zip(MERGED.heads, found.heads, strict=True):
        for name in ("leaf_of", "tree"):
            assert getattr(read, name).dtype == getattr(written, name).dtype
            np.testing.assert_array_equal(getattr(read, name), getattr(written, name))
    assert found.heads[0].cut(2).tolist() == [1, -1, 0, -1, -1, 1]
    assert list(path.parent.glob("merges*")) == [path]


def test_more_than_ten_heads_stay_in_order(tmp_path: Path) -> None:
    heads = tuple(MergedHead(np.int32([0] * n), np.zeros((0, 4))) for n in range(12))
    write_merges(tmp_path / "merges.h5", MergedHeads(heads, "diffusion", {}))
    found = read_merges(tmp_path / "merges.h5")
    assert [len(head.leaf_of) for head in found.heads] == list(range(12))
    assert (found.linkage, found.cut_shares, found.clearest) == ("diffusion", {}, None)


@pytest.mark.parametrize("name", ["leaf_of", "tree"])
def test_missing_arrays_are_damage(path: Path, name: str) -> None:
    with h5py.File(path, "r+") as file:
        del file.attrs["checksum"]
        del file["heads"]["1"][name]
    with pytest.raises(UsageError, match=rf"is damaged .*({name}|leaves).*with --overwrite"):
        read_merges(path)


def test_a_missing_head_is_damage(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file.attrs["checksum"]
        del file["heads"]["0"]
    with pytest.raises(UsageError, match=r"merges\.h5 is damaged .*ucls merge. with --overwrite"):
        read_merges(path)


def test_trees_that_do_not_fit_their_leaves(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file.attrs["checksum"]
        file["heads"]["0"]["leaf_of"][0] = 3
    with pytest.raises(UsageError, match=r"is damaged \(trees and leaves differ\); run `ucls merg"):
        read_merges(path)


def test_an_unknown_linkage(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file.attrs["checksum"]
        file.attrs["linkage"] = "ward"
    with pytest.raises(UsageError, match="names an unknown linkage 'ward'; run `ucls merge`"):
        read_merges(path)


def test_a_truncated_file(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(UsageError, match=r"merges\.h5 is truncated .*; run `ucls merge`"):
        read_merges(path)


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no file of merges at .*; run `ucls merge`"):
        read_merges(tmp_path / "merges.h5")


def test_a_newer_version(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file.attrs["checksum"]
        file.attrs["version"] = 3
    with pytest.raises(UsageError, match="format version 3, this UCLS reads up to 2; upgrade UCLS"):
        read_merges(path)


def test_another_format(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file.attrs["checksum"]
        file.attrs["format"] = "ucls-neighbors"
    with pytest.raises(UsageError, match="is not a file of merges: expected format 'ucls-merges'"):
        read_merges(path)


def test_heads_share_a_tree_that_is_written_once(tmp_path: Path) -> None:
    heads = tuple(MergedHead(np.int32([n, 2 - n]), TREE) for n in range(2))
    write_merges(tmp_path / "merges.h5", MergedHeads(heads, "diffusion", {}))
    with h5py.File(tmp_path / "merges.h5") as file:
        first, second = (file["heads"][str(n)]["tree"] for n in range(2))
        assert first == second
    assert read_merges(tmp_path / "merges.h5").numbered_alike([0, 1])


def old_file(path: Path, leaves: list[int]) -> Path:
    """As version 1 was written."""
    with h5py.File(path, "w") as file:
        file.attrs.update(format="ucls-merges", version=1, linkage="share", cut_share_share=0.09)
        group = file.create_group("heads/0")
        group.attrs["n_clusters"] = 6
        group["leaves"], group["tree"] = np.int32(leaves), TREE
    return path


def test_files_of_version_1_are_read(tmp_path: Path) -> None:
    found = read_merges(old_file(tmp_path / "merges.h5", [0, 2, 5]))
    assert found.heads[0].leaf_of.tolist() == [0, -1, 1, -1, -1, 2]
    assert (found.linkage, found.cut_shares) == ("share", {"share": 0.09})


def test_files_of_version_1_whose_arrays_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is damaged .*trees and leaves differ"):
        read_merges(old_file(tmp_path / "merges.h5", [0, 2]))
