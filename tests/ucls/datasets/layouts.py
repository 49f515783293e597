"""Writes small datasets as they lie on disk: labels 0, 1, 2, ... in turn, a colour per class."""

import gzip
import json
import pickle
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

N_SUPERCLASSES = 20
WORDNET_IDS = tuple(f"n{10_000_000 + number}" for number in range(1_000))

Split = tuple[NDArray[np.uint8], NDArray[np.int64]]


def make_split(n: int, n_classes: int, size: int, *, seed: int) -> Split:
    """Pixels uint8 [n, size, size, 3] and labels [n]."""
    labels = np.arange(n) % n_classes
    colours = np.random.default_rng(0).integers(0, 196, (n_classes, 1, 1, 3))
    noise = np.random.default_rng(seed).integers(0, 60, (n, size, size, 3))
    return (colours[labels] + noise).astype(np.uint8), labels


def both_splits(
    n_train: int, n_val: int, n_classes: int, size: int, *, seed: int
) -> tuple[Split, Split]:
    train = make_split(n_train, n_classes, size, seed=2 * seed)
    return train, make_split(n_val, n_classes, size, seed=2 * seed + 1)


def superclass(label: int) -> int:
    return label * 7 % N_SUPERCLASSES


def write_cifar10(
    root: Path, n_train: int = 20, n_val: int = 10, seed: int = 0, *, binary: bool = False
) -> Path:
    folder = root / ("cifar-10-batches-bin" if binary else "cifar-10-batches-py")
    folder.mkdir(parents=True)
    train, val = both_splits(n_train, n_val, 10, 32, seed=seed)
    parts = [np.array_split(array, 5) for array in train]
    batches = {f"data_batch_{i + 1}": (parts[0][i], parts[1][i]) for i in range(5)}
    names = [f"class {label}" for label in range(10)]
    if binary:
        write_lines(folder / "batches.meta.txt", names)
    else:
        write_pickle(folder / "batches.meta", {b"label_names": [name.encode() for name in names]})
    for name, (pixels, labels) in {**batches, "test_batch": val}.items():
        if binary:
            rows = np.column_stack([labels, planar(pixels)])
            rows.astype(np.uint8).tofile(folder / f"{name}.bin")
        else:
            content = {b"data": planar(pixels), b"labels": labels.tolist()}
            write_pickle(folder / name, content)
    return folder


def write_cifar100(
    root: Path, n_train: int = 200, n_val: int = 100, seed: int = 0, *, binary: bool = False
) -> Path:
    """CIFAR-20 needs ``n_train`` + ``n_val`` of 100 or more: each class must have an image."""
    folder = root / ("cifar-100-binary" if binary else "cifar-100-python")
    folder.mkdir(parents=True)
    train, val = both_splits(n_train, n_val, 100, 32, seed=seed)
    names = {
        "fine_label_names": [f"class {label:02d}" for label in range(100)],
        "coarse_label_names": [f"superclass {label:02d}" for label in range(N_SUPERCLASSES)],
    }
    if binary:
        for key, values in names.items():
            write_lines(folder / f"{key}.txt", values)
    else:
        encoded = {k.encode(): [value.encode() for value in v] for k, v in names.items()}
        write_pickle(folder / "meta", encoded)
    for name, (pixels, fine) in {"train": train, "test": val}.items():
        coarse = superclass(fine)  # type: ignore[arg-type]
        if binary:
            rows = np.column_stack([coarse, fine, planar(pixels)])
            rows.astype(np.uint8).tofile(folder / f"{name}.bin")
        else:
            labels = {b"fine_labels": fine.tolist(), b"coarse_labels": coarse.tolist()}
            write_pickle(folder / name, {b"data": planar(pixels), **labels})
    return folder


def write_stl10(root: Path, n_train: int = 20, n_val: int = 10, seed: int = 0) -> Path:
    folder = root / "stl10_binary"
    folder.mkdir(parents=True)
    write_lines(folder / "class_names.txt", [f"class {label}" for label in range(10)])
    splits = both_splits(n_train, n_val, 10, 96, seed=seed)
    for name, (pixels, labels) in zip(("train", "test"), splits, strict=True):
        np.ascontiguousarray(pixels.transpose(0, 3, 2, 1)).tofile(folder / f"{name}_X.bin")
        (labels + 1).astype(np.uint8).tofile(folder / f"{name}_y.bin")
    return folder


def write_mnist(
    root: Path,
    n_train: int = 20,
    n_val: int = 10,
    seed: int = 0,
    *,
    packed: bool = False,
    name: str = "MNIST",
) -> Path:
    folder = root / name / "raw"
    folder.mkdir(parents=True)
    splits = both_splits(n_train, n_val, 10, 28, seed=seed)
    for split, (pixels, labels) in zip(("train", "t10k"), splits, strict=True):
        arrays = {"images-idx3": pixels[..., 0], "labels-idx1": labels}
        for kind, array in arrays.items():
            content = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
            content += array.astype(np.uint8).tobytes()
            file = folder / f"{split}-{kind}-ubyte"
            if packed:
                file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(content))
            else:
                file.write_bytes(content)
    return folder


def write_food101(
    root: Path, n_train: int = 12, n_val: int = 6, seed: int = 0, *, text_lists: bool = False
) -> Path:
    """Three classes."""
    folder = root / "food-101"
    classes = ("apple_pie", "sushi", "waffles")
    splits = both_splits(n_train, n_val, len(classes), 24, seed=seed)
    (folder / "meta").mkdir(parents=True)
    for name, (pixels, labels) in zip(("train", "test"), splits, strict=True):
        names = [classes[label] for label in labels]
        ids = [f"{names[i]}/{10_000 * (name == 'test') + i}" for i in range(len(names))]
        save_images(folder / "images", (f"{item}.jpg" for item in ids), pixels)
        if text_lists:
            write_lines(folder / "meta" / f"{name}.txt", ids)
        else:
            by_class = {c: [item for item in ids if item.startswith(c)] for c in classes}
            (folder / "meta" / f"{name}.json").write_text(json.dumps(by_class))
    return folder


def write_tiny_imagenet(
    root: Path,
    n_train: int = 12,
    n_val: int = 6,
    seed: int = 0,
    *,
    n_classes: int = 3,
    nested: bool = True,
    val: str = "annotated",
) -> Path:
    """``nested``: images lie in ``images`` folders; ``val``: ``annotated`` or ``sorted``."""
    folder = root / "tiny-imagenet-200"
    train_split, val_split = both_splits(n_train, n_val, n_classes, 64, seed=seed)
    inner = "images/" if nested else ""
    ids = [WORDNET_IDS[label] for label in train_split[1]]
    names = (f"{name}/{inner}{name}_{i}.JPEG" for i, name in enumerate(ids))
    save_images(folder / "train", names, train_split[0])
    ids = [WORDNET_IDS[label] for label in val_split[1]]
    write_lines(folder / "wnids.txt", WORDNET_IDS[:n_classes])
    if val == "annotated":
        save_images(
            folder / "val" / "images", (f"val_{i}.JPEG" for i in range(n_val)), val_split[0]
        )
        rows = [f"val_{i}.JPEG\t{name}\t0\t32\t44\t62" for i, name in enumerate(ids)]
        write_lines(folder / "val" / "val_annotations.txt", rows)
    else:
        names = (f"{name}/{inner}val_{i}.JPEG" for i, name in enumerate(ids))
        save_images(folder / "val", names, val_split[0])
    return folder


def write_imagenet(
    folder: Path,
    n_train: int = 12,
    n_val: int = 6,
    seed: int = 0,
    *,
    n_classes: int = 3,
    flat_val: bool = False,
) -> Path:
    """Writes ``train`` and ``val`` into ``folder`` itself; ``flat_val``: without its classes."""
    train, val = both_splits(n_train, n_val, n_classes, 16, seed=seed)
    ids = [WORDNET_IDS[label] for label in train[1]]
    names = (f"{name}/{name}_{i}.JPEG" for i, name in enumerate(ids))
    save_images(folder / "train", names, train[0])
    inner = ["" if flat_val else f"{WORDNET_IDS[label]}/" for label in val[1]]
    names = (f"{inner[i]}ILSVRC2012_val_{i:08d}.JPEG" for i in range(n_val))
    save_images(folder / "val", names, val[0])
    return folder


def write_kaggle_imagenet(
    root: Path, *, n_val: int = 6, n_classes: int = 3, **options: int
) -> Path:
    """Kaggle's layout, with the key of the validation images beside ``ILSVRC``."""
    folder = root / "ILSVRC" / "Data" / "CLS-LOC"
    write_imagenet(folder, n_val=n_val, n_classes=n_classes, flat_val=True, **options)
    rows = [
        f"ILSVRC2012_val_{i:08d},{WORDNET_IDS[i % n_classes]} 85 1 499 272" for i in range(n_val)
    ]
    write_lines(root / "LOC_val_solution.csv", ["ImageId,PredictionString", *rows])
    return folder


def write_subset(path: Path, n_classes: int) -> Path:
    return write_lines(path, [f"{name} some animal" for name in WORDNET_IDS[:n_classes]])


def write_manifest(path: Path, rows: Iterable[Sequence[str]]) -> Path:
    return write_lines(path, [",".join(row) for row in rows])


def planar(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[N, S, S, 3] to [N, 3 * S * S], one colour after the other."""
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)).reshape(len(pixels), -1)


def write_pickle(path: Path, content: Mapping[bytes, Any]) -> Path:
    path.write_bytes(pickle.dumps(content, protocol=2))
    return path


def write_lines(path: Path, lines: Iterable[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def save_images(folder: Path, names: Iterable[str], pixels: NDArray[np.uint8]) -> None:
    for name, picture in zip(names, pixels, strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / name, format="JPEG", quality=95)
