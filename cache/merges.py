"""How the clusters of the heads merge, on disk: ``merges.h5``."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ucls.cache.hdf5 import Format, read_hdf5, write_hdf5
from ucls.errors import UsageError
from ucls.types import LINKAGES, Labels, MergedHead, MergedHeads

KNOWN_LINKAGES = (*LINKAGES, "share")
"""Version 1 knew one more."""
MERGES_FORMAT = Format("ucls-merges", 2, "file of merges", "run `ucls merge` with --overwrite")


def write_merges(path: Path, merged: MergedHeads) -> None:
    """Writes the merge trees of all heads, atomically; one that heads share once.

    Raises:
        UclsError: when the disk does not take it.
    """
    n_bytes = sum(head.leaf_of.nbytes + head.tree.nbytes for head in merged.heads)
    with write_hdf5(path, MERGES_FORMAT, n_bytes=n_bytes) as file:
        file.attrs["linkage"] = merged.linkage
        for linkage, share in merged.cut_shares.items():
            file.attrs[f"cut_share_{linkage}"] = share
        if merged.clearest is not None:
            file.attrs["clearest"] = merged.clearest
        if merged.n_left is not None:
            file.attrs["n_left"] = merged.n_left
        written: dict[int, h5py.Dataset] = {}
        for number, head in enumerate(merged.heads):
            group = file.create_group(f"heads/{number}")
            group.create_dataset("leaf_of", data=head.leaf_of, dtype=np.int32)
            if (key := id(head.tree)) in written:
                group["tree"] = written[key]
            else:
                written[key] = group.create_dataset("tree", data=head.tree, dtype=np.float64)


def read_merges(path: Path) -> MergedHeads:
    """Reads what :func:`write_merges` wrote, also the files of version 1.

    Raises:
        UsageError: when the file is missing, truncated, of another format, of a newer version,
            or its arrays do not fit together.
    """
    with read_hdf5(path, MERGES_FORMAT) as file:
        linkage: Any = str(file.attrs["linkage"])
        if linkage not in KNOWN_LINKAGES:
            raise UsageError(f"{path} names an unknown linkage {linkage!r}; {MERGES_FORMAT.remedy}")
        groups = [file["heads"][str(number)] for number in range(len(file["heads"]))]
        heads = tuple(MergedHead(_leaf_of(group), group["tree"][:]) for group in groups)
        shares: dict[Any, float] = {
            known: float(file.attrs[f"cut_share_{known}"])
            for known in KNOWN_LINKAGES
            if f"cut_share_{known}" in file.attrs
        }
        clearest = int(file.attrs["clearest"]) if "clearest" in file.attrs else None
        n_left = int(file.attrs["n_left"]) if "n_left" in file.attrs else None
    if any(head.leaf_of.max(initial=-1) > len(head.tree) for head in heads):
        raise UsageError(f"{path} is damaged (trees and leaves differ); {MERGES_FORMAT.remedy}")
    return MergedHeads(heads, linkage, shares, clearest, n_left)


def read_n_left(path: Path) -> int | None:
    """Reads how many clusters are left where small ones joined others; None for those wanted.

    Raises:
        UsageError: as :func:`read_merges`.
    """
    with read_hdf5(path, MERGES_FORMAT) as file:
        return int(file.attrs["n_left"]) if "n_left" in file.attrs else None


def _leaf_of(group: h5py.Group) -> Labels:
    """The leaf of each cluster of a head; version 1 has the clusters that are leaves."""
    if "leaf_of" in group:
        stored: Labels = group["leaf_of"][:]
        return stored
    leaves = group["leaves"][:]
    if len(group["tree"]) != max(len(leaves) - 1, 0):
        raise ValueError("trees and leaves differ")
    leaf_of = np.full(int(group.attrs["n_clusters"]), -1, dtype=np.int32)
    leaf_of[leaves] = np.arange(len(leaves), dtype=np.int32)
    return leaf_of
