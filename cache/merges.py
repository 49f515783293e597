"""How the clusters of the heads merge, on disk: ``merges.h5``."""

from pathlib import Path

import numpy as np

from ucls.cache.hdf5 import Format, read_hdf5, write_hdf5
from ucls.errors import UsageError
from ucls.types import LINKAGES, MergedHead, MergedHeads

MERGES_FORMAT = Format("ucls-merges", 1, "file of merges", "run `ucls merge` with --overwrite")


def write_merges(path: Path, merged: MergedHeads) -> None:
    """Writes the merge trees of all heads, atomically.

    Raises:
        UclsError: when the disk does not take it.
    """
    n_bytes = sum(head.leaves.nbytes + head.tree.nbytes for head in merged.heads)
    with write_hdf5(path, MERGES_FORMAT, n_bytes=n_bytes) as file:
        file.attrs["linkage"] = merged.linkage
        for linkage, share in merged.cut_shares.items():
            file.attrs[f"cut_share_{linkage}"] = share
        for number, head in enumerate(merged.heads):
            group = file.create_group(f"heads/{number}")
            group.attrs["n_clusters"] = head.n_clusters
            group.create_dataset("leaves", data=head.leaves, dtype=np.int32)
            group.create_dataset("tree", data=head.tree, dtype=np.float64)


def read_merges(path: Path) -> MergedHeads:
    """Reads what :func:`write_merges` wrote.

    Raises:
        UsageError: when the file is missing, truncated, of another format, of a newer version,
            or its arrays do not fit together.
    """
    with read_hdf5(path, MERGES_FORMAT) as file:
        linkage = str(file.attrs["linkage"])
        if linkage not in LINKAGES:
            raise UsageError(f"{path} names an unknown linkage {linkage!r}; {MERGES_FORMAT.remedy}")
        groups = [file["heads"][str(number)] for number in range(len(file["heads"]))]
        heads = tuple(
            MergedHead(group["leaves"][:], group["tree"][:], int(group.attrs["n_clusters"]))
            for group in groups
        )
        shares = {
            known: float(file.attrs[f"cut_share_{known}"])
            for known in LINKAGES
            if f"cut_share_{known}" in file.attrs
        }
    if any(len(head.tree) != max(len(head.leaves) - 1, 0) for head in heads):
        raise UsageError(f"{path} is damaged (trees and leaves differ); {MERGES_FORMAT.remedy}")
    return MergedHeads(heads, linkage, shares)
