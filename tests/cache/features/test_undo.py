from pathlib import Path

import h5py
import numpy as np

from ucls.cache.features.undo import restore_structure, save_structure


def test_structure_comes_back_and_chunks_stay(tmp_path: Path) -> None:
    path, undo = tmp_path / "x.h5", tmp_path / "undo"
    values = np.random.default_rng(0).normal(size=(5000, 8))
    with h5py.File(path, "w") as file:
        file.create_dataset("values", data=values, chunks=(512, 8))
        file.attrs["n"] = 1
    before = path.read_bytes()
    save_structure(path, undo)
    assert undo.stat().st_size < len(before) / 10
    with h5py.File(path, "r+") as file:
        file["more"] = ["text"] * 1000
        file.attrs["n"] = 2
    with path.open("r+b") as broken:
        broken.write(b"torn")
    restore_structure(path, undo)
    assert path.read_bytes() == before
    assert not undo.exists()
