"""Files of every kind that is read, and what reads them; and ways to spoil a file."""

import io
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import scipy.io
import tomli_w
import torch
from hypothesis import strategies as st
from PIL import Image

from ucls.backbones.checkpoints import read_weights
from ucls.backbones.learned_files import read_metadata
from ucls.cache import (
    FeatureCache,
    read_assignments,
    read_consensus,
    read_graph,
    read_merges,
    read_tensors,
    read_truth,
)
from ucls.corrections.edits import read_corrections
from ucls.datasets.pickles import read_arrays
from ucls.hierarchies import read_levels
from ucls.images.files import read_image
from ucls.runs.image_labels import read_labels
from ucls.runs.known_file import read_told
from ucls.runs.run import Run
from ucls.settings.config import Config, read_config
from ucls.settings.given import read_toml
from ucls.sources import load_source

TOKENS = (
    b"\0", b"\xff" * 8, b"\x7f\xff\xff\xff", b"-1", b"1e999", b"nan", b"\n", b'"',
    b"../../etc/passwd", b"</script>",
    b"[[", b"{", b"\xed\xa0\x80", b"9" * 30, b"\x80\x04csystem\n", b",", b"=",
)  # fmt: skip
N_ROWS = 24


class Parser(NamedTuple):
    """What reads files of one kind."""

    name: str
    file: str
    make: Callable[[Path, Path], object]
    """Writes a good file, given its path and a finished run."""
    read: Callable[[Path], object]


def _picture() -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def _bytes_of_picture() -> bytes:
    buffer = io.BytesIO()
    _picture().save(buffer, "PNG")
    return buffer.getvalue()


def _features() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(N_ROWS, 3)).astype(np.float32)
    return {"features": features, "labels": np.arange(N_ROWS) % 3}


def _hdf5(path: Path, _: Path) -> None:
    with h5py.File(path, "w") as file:
        file.update(_features())


def _table(path: Path, _: Path) -> None:
    import pyarrow
    import pyarrow.feather
    import pyarrow.parquet

    content = {"features": _features()["features"].tolist(), "labels": [0, 1, 2] * (N_ROWS // 3)}
    write = pyarrow.parquet.write_table if path.suffix == ".parquet" else None
    (write or pyarrow.feather.write_feather)(pyarrow.table(content), path)


def _image_table(path: Path, _: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    rows = [{"bytes": _bytes_of_picture(), "path": f"{i}.png"} for i in range(4)]
    pyarrow.parquet.write_table(pyarrow.table({"image": rows}), path)


def _tar(path: Path, _: Path) -> None:
    with tarfile.open(path, "w") as archive:
        for i in range(4):
            for name, content in ((f"{i}.png", _bytes_of_picture()), (f"{i}.cls", b"1")):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))


def _text(text: str) -> Callable[[Path, Path], object]:
    return lambda path, _: path.write_text(text)


def _copy(name: str) -> Callable[[Path, Path], object]:
    return lambda path, run: path.write_bytes((run / name).read_bytes())


def _read_source(path: Path) -> None:
    """Opens a source and reads all its images."""
    for images in load_source(str(path)).splits.values():
        if hasattr(images, "read"):
            for row in range(len(images)):
                images.read(row)


def _read_cache(path: Path) -> None:
    with FeatureCache(path) as cache:
        cache.read("cls")
        list(cache.paths())


IMAGES = tuple(
    Parser(f"image{suffix}", f"a{suffix}", lambda path, _: _picture().save(path), read_image)
    for suffix in (".png", ".jpg", ".gif", ".tif", ".webp", ".bmp", ".ppm")
)
FEATURES = (
    Parser("npy", "a.npy", lambda path, _: np.save(path, _features()["features"]), _read_source),
    Parser("npz", "a.npz", lambda path, _: np.savez(path, **_features()), _read_source),
    Parser("hdf5", "a.h5", _hdf5, _read_source),
    Parser("torch", "a.pt", lambda path, _: torch.save(
        {"features": torch.from_numpy(_features()["features"])}, path), _read_source),
    Parser("parquet", "a.parquet", _table, _read_source),
    Parser("feather", "a.feather", _table, _read_source),
    Parser("mat", "a.mat", lambda path, _: scipy.io.savemat(path, _features()), _read_source),
)  # fmt: skip
PACKED = (
    Parser("tar", "a.tar", _tar, _read_source),
    Parser("image table", "images.parquet", _image_table, _read_source),
)
TEXTS = (
    Parser("list", "a.csv", _text("path,label\na.png,x\nb.png,y\n"), _read_source),
    Parser("tsv", "a.tsv", _text("path\tlabel\na.png\tx\nb.png\ty\n"), _read_source),
    Parser("paths", "a.txt", _text("a.png\nb.png\n"), _read_source),
    Parser("settings", "a.toml", lambda path, _: path.write_text(
        tomli_w.dumps(Config().model_dump(mode="json", exclude_none=True))),
        lambda path: read_config(read_toml(path))),
    Parser("corrections", "c.toml", _text(
        'schema = 1\n[[edits]]\ndo = "merge"\nclusters = [1, 2]\ninto = 0\n'
        '[[edits]]\ndo = "move"\nimages = ["a", "b"]\ninto = 3\n'), read_corrections),
    Parser("known", "known.csv", _text("path,label\na.png,x\nb.png,y\n"), read_told),
    Parser("links", "links.csv", _text("path_a,path_b,link\na,b,must\nc,d,cannot\n"), read_told),
    Parser("hierarchy", "h.csv", _text("class,superclass\na,x\nb,x\nc,y\n"),
        lambda path: read_levels(path, ["a", "b", "c"])),
)  # fmt: skip
OWN = tuple(
    Parser(name, name, _copy(name), read)
    for name, read in {
        "heads.safetensors": read_tensors,
        "neighbors.h5": read_graph,
        "assignments.h5": read_assignments,
        "consensus.h5": read_consensus,
        "merges.h5": read_merges,
        "truth.h5": read_truth,
        "classifier.safetensors": read_weights,
        "candidates.safetensors": read_metadata,
        "labels.csv": lambda path: read_labels(Run(path.parent)),
        "run.json": lambda path: Run(path.parent),
    }.items()
)
OTHERS = (
    Parser("feature cache", "cache.h5", _copy("../cache/blobs-train"), _read_cache),
    Parser("pickle", "data_batch", lambda path, _: path.write_bytes(
        pickle.dumps({b"data": np.zeros((2, 3), np.uint8), b"labels": [0, 1]}, 2)), read_arrays),
)  # fmt: skip
PARSERS = (*IMAGES, *FEATURES, *PACKED, *TEXTS, *OWN, *OTHERS)

Edit = tuple[str, float, bytes]

EDITS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "put", "insert", "cut", "drop", "repeat"]),
        st.floats(0, 1, exclude_max=True),
        st.one_of(st.sampled_from(TOKENS), st.binary(min_size=1, max_size=8)),
    ),
    min_size=1,
    max_size=6,
)
"""Changes of a file, each at some share of its length."""


def spoil(content: bytes, edits: list[Edit]) -> bytes:
    """Changes the bytes of a file."""
    for kind, share, told in edits:
        at = int(share * len(content))
        before, after = content[:at], content[at:]
        if kind == "flip":
            content = before + bytes([after[0] ^ told[0]]) + after[1:] if after else content
        elif kind == "put":
            content = before + told + after[len(told) :]
        elif kind == "insert":
            content = before + told + after
        elif kind == "cut":
            content = before
        elif kind == "drop":
            content = before + after[len(told) :]
        else:
            content = before + after[:64] * 3 + after
    return content
