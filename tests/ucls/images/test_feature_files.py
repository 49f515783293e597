import pickle
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest

from ucls.errors import UsageError
from ucls.images.array_fingerprint import fingerprint_array
from ucls.images.feature_files import load_features
from ucls.images.feature_readers.registry import reader_of
from ucls.images.held_array import HeldArray


def features(n=10, width=4, dtype=np.float32, seed=0):
    return (10 * np.random.default_rng(seed).normal(size=(n, width))).astype(dtype)


def write(path, values, labels=None):
    arrays = {"features": values} | ({} if labels is None else {"labels": labels})
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                text = array.dtype.kind == "U"
                file.create_dataset(name, data=array.astype(object) if text else array)
    return path


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int16, np.uint8])
def test_all_kinds_give_the_same_features(tmp_path, suffix, dtype):
    values = np.abs(features()).astype(dtype)
    loaded = load_features(write(tmp_path / f"a{suffix}", values))
    np.testing.assert_array_equal(loaded.features, values)
    assert loaded.features.dtype == dtype
    assert (loaded.name, loaded.split, len(loaded), loaded.labels) == ("a", "train", 10, None)


def test_npy_is_memory_mapped(tmp_path):
    loaded = load_features(write(tmp_path / "a.npy", features()))
    assert isinstance(loaded.features[:], np.memmap)


def test_paths_are_unique_and_sort_by_row(tmp_path):
    loaded = load_features(write(tmp_path / "a.npy", features(n=11)))
    assert (loaded.paths[0], loaded.paths[10]) == ("a/00", "a/10")
    assert loaded.paths == sorted(set(loaded.paths))


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
@pytest.mark.parametrize(
    ("labels", "expected", "names"),
    [
        (np.array([0, 1, 2, 1]), [0, 1, 2, 1], ("0", "1", "2")),
        (np.array([10, 9, 30, 9], np.uint8), [1, 0, 2, 0], ("9", "10", "30")),
        (np.array(["dog", "cat", "dog", "är"]), [1, 0, 1, 2], ("cat", "dog", "är")),
    ],
)
def test_labels_become_consecutive_numbers(tmp_path, suffix, labels, expected, names):
    loaded = load_features(write(tmp_path / f"a{suffix}", features(n=4), labels))
    assert loaded.labels.tolist() == expected
    assert loaded.labels.dtype == np.int32
    assert loaded.class_names == names


def test_fingerprint_follows_the_features(tmp_path):
    first = load_features(write(tmp_path / "a.npy", features())).fingerprint
    changed = features()
    changed[-1, -1] += 1
    assert first == load_features(write(tmp_path / "b.npz", features())).fingerprint
    assert first != load_features(write(tmp_path / "c.npy", changed)).fingerprint
    assert first != load_features(write(tmp_path / "d.npy", features().reshape(5, 8))).fingerprint
    assert len(first) == 64


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5"])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(5), r"shape \[N, D\].*got \[5\]"),
        (np.zeros((5, 2, 2)), r"got \[5, 2, 2\]"),
        (np.zeros((5, 0)), r"got \[5, 0\]"),
        (np.zeros((1, 4)), "at least 2 rows.*got 1"),
        (np.zeros((0, 4)), "at least 2 rows.*got 0"),
        (np.ones((5, 4)), "all 5 rows.*equal"),
        (np.eye(5)[:, :1], "all but 1 of the 5 rows.*are zeros"),
        (np.zeros((5, 4)), "all but 0 of the 5 rows.*are zeros"),
        (np.ones((5, 4)) * np.eye(5, 1)[::-1] + np.eye(5, 1, -2), "all 2 rows.*equal"),
        (np.eye(4, dtype=complex), "numbers.*complex128"),
        (np.eye(4, dtype=bool), "numbers.*bool"),
    ],
)
def test_features_that_cannot_be_used(tmp_path, suffix, values, message):
    with pytest.raises(UsageError, match=message):
        load_features(write(tmp_path / f"a{suffix}", values))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_rows_that_are_not_finite_are_counted_across_chunks(tmp_path, bad):
    values = features(n=9_000, dtype=np.float64)
    values[[4_100, 4_101, 8_999], 2] = bad
    with pytest.raises(UsageError, match=r"in 3 of 9000 rows, first in row 4100\b"):
        load_features(write(tmp_path / "a.npy", values))


@pytest.mark.parametrize("n_rows", [1, 9_000])
def test_rows_that_vanish_in_float32_are_counted(tmp_path, n_rows):
    values = features(n=9_000, dtype=np.float64)
    values[-n_rows:] *= 1e-49
    message = rf"become 0 in {n_rows} of 9000 rows, first in row {9_000 - n_rows}: multiply"
    with pytest.raises(UsageError, match=message):
        load_features(write(tmp_path / "a.npy", values))


def test_the_smallest_and_the_largest_values_of_float32_are_taken(tmp_path):
    for size in (1e-44, 1e37):
        values = features(dtype=np.float64) * size
        assert len(load_features(write(tmp_path / "a.npy", values))) == 10


def test_rows_of_zeros_change_the_fingerprint(tmp_path):
    """Caches of earlier versions, which hold such rows, are of other images."""
    values = features()
    values[3] = 0
    loaded = load_features(write(tmp_path / "a.npy", values))
    assert loaded.fingerprint != fingerprint_array(values)
    assert load_features(write(tmp_path / "b.npy", features())).fingerprint == fingerprint_array(
        features()
    )


def test_one_differing_row_is_not_constant(tmp_path):
    values = np.ones((9_000, 2), np.float32)
    values[8_999, 1] = 2
    assert len(load_features(write(tmp_path / "a.npy", values))) == 9_000


@pytest.mark.parametrize("values", [np.ones((1, 4)), np.ones((5, 4)), np.eye(3)[[0]] * 0])
def test_what_is_only_labelled_need_not_vary(tmp_path, values):
    path = write(tmp_path / "a.npy", values)
    assert len(load_features(path, split="val")) == len(values)
    with pytest.raises(UsageError):
        load_features(path)


def test_a_zip_archive_of_another_kind(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("[Content_Types].xml", "x")
    with pytest.raises(UsageError, match="which is a zip archive of another kind: save"):
        load_features(tmp_path / "a.npz")


class Trap:
    def __reduce__(self):
        return pytest.fail, ("something was unpickled",)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_object_arrays_are_refused_and_never_unpickled(tmp_path, suffix):
    values = np.array([[Trap(), 1], [2, 3]], dtype=object)
    with pytest.raises(UsageError, match=r"pickle.*never loaded"):
        load_features(write(tmp_path / f"a{suffix}", values))


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5"])
def test_a_bare_pickle_is_refused(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(UsageError, match=r"pickle|damaged"):
        load_features(path)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5"])
@pytest.mark.parametrize("share", [0.03, 0.5, 0.95])
def test_damaged_files(tmp_path, suffix, share):
    path = write(tmp_path / f"a{suffix}", features(n=200))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(UsageError, match=f"cannot read .*a{suffix}.*damaged"):
        load_features(path)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5"])
@pytest.mark.parametrize("name", ["b.npy", "b.npz", "b.h5", "b.hdf5", "b.csv", "b"])
def test_what_counts_is_the_content(tmp_path, suffix, name):
    values = features()
    write(tmp_path / f"a{suffix}", values).rename(tmp_path / name)
    assert reader_of(tmp_path / name)
    np.testing.assert_array_equal(load_features(tmp_path / name).features, values)


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"", "an empty file"), (b"a,b\n1,2\n", "a text file"), (b"%PDF-1", "a PDF document")],
)
def test_files_of_another_kind_are_named(tmp_path, content, kind):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(UsageError, match=rf"or a feature file .*got .*a\.npy, which is {kind}$"):
        load_features(tmp_path / "a.npy")


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_minus_one_and_nothing_are_no_labels(tmp_path, suffix):
    values = features(n=4)
    for labels in (np.array([3, -1, 0, 3]), np.array(["3", "-1", "0", "3"])):
        loaded = load_features(write(tmp_path / f"a{suffix}", values, labels))
        assert loaded.labels.tolist() == [1, -1, 0, 1]
        assert loaded.class_names == ("0", "3")
    loaded = load_features(write(tmp_path / f"a{suffix}", values, np.array(["b", "", "a", "b"])))
    assert loaded.labels.tolist() == [1, -1, 0, 1]
    loaded = load_features(write(tmp_path / f"a{suffix}", values, np.full(4, -1)))
    assert (loaded.labels, loaded.class_names) == (None, ())


def test_labels_whose_bytes_are_not_utf8_stay_apart(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["features"], file["labels"] = features(n=4), np.array([b"\xe4", b"\xf6"] * 2)
    loaded = load_features(tmp_path / "a.h5")
    assert loaded.labels.tolist() == [0, 1, 0, 1]
    assert len(loaded.fingerprint) == 64


def test_labels_that_are_objects_are_not_blamed_on_the_features(tmp_path):
    path = write(tmp_path / "a.npz", features(n=2), np.array(["a", "b"], dtype=object))
    with pytest.raises(UsageError, match=r"^'labels' in .*pickle.*labels\.astype\(str\)$"):
        load_features(path)


def test_damage_is_blamed_on_the_array_that_has_it(tmp_path):
    path = write(tmp_path / "a.npz", features(), np.arange(10))
    content = bytearray(path.read_bytes())
    content[content.rfind(np.arange(10).tobytes())] ^= 1
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"cannot read 'labels' in .*damaged"):
        load_features(path)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (lambda file: file.create_group("features/deep"), r"array as 'features' .*group \(deep\)"),
        (lambda file: file.create_dataset("features", data=h5py.Empty("f4")), "got nothing"),
        (lambda file: file.create_dataset("features", data=1.0), r"\[N, D\]"),
        (lambda file: file.update(features=h5py.SoftLink("/no")), "a link to /no, which cannot"),
        (lambda file: file.update(features=h5py.ExternalLink("no.h5", "/x")), "a link to no.h5,"),
    ],
)
def test_what_is_no_array_in_hdf5(tmp_path, what, message):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        what(file)
    with pytest.raises(UsageError, match=message):
        load_features(tmp_path / "a.h5")


def test_a_filter_that_is_not_installed_is_named(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        creation.set_chunk((10, 4))
        creation.set_filter(32_001, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((10, 4))
        h5py.h5d.create(file.id, b"features", h5py.h5t.IEEE_F32LE, space, creation)
    with pytest.raises(UsageError, match=r"packed with the HDF5 filter .*32001.*not installed"):
        load_features(tmp_path / "a.h5")


def test_a_file_that_another_process_writes_is_not_called_damaged(tmp_path):
    path = write(tmp_path / "a.h5", features())
    code = (
        "import h5py, sys\n"
        "with h5py.File(sys.argv[1], 'r+'): print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(UsageError, match="it is open in another program; wait") as caught:
            load_features(path)
    assert "damaged" not in str(caught.value)
    assert len(load_features(path)) == 10


def test_a_file_without_features_names_what_it_holds(tmp_path):
    np.savez(tmp_path / "a.npz", cls=features(), ids=np.arange(10))
    with pytest.raises(UsageError, match=r"'features'.*found cls \[10, 4\], ids \[10\]: .*--array"):
        load_features(tmp_path / "a.npz")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["cls"] = features()
    with pytest.raises(UsageError, match=r"'features'.*found cls \[10, 4\]"):
        load_features(tmp_path / "a.h5")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.arange(9), r"expected 10 labels.*\[9\]"),
        (np.zeros((10, 1), int), r"expected 10 labels.*\[10, 1\]"),
        (np.arange(10) - 2, "0 or more.*or -1 where one is not known, got -2"),
        (np.linspace(0, 1, 10), "integers or strings.*float64: save them as integers"),
        (np.full(10, np.nan), "integers or strings.*float64.*-1 where one is not known"),
    ],
)
def test_labels_that_do_not_fit(tmp_path, labels, message):
    with pytest.raises(UsageError, match=message):
        load_features(write(tmp_path / "a.npz", features(), labels))


def test_fingerprint_follows_the_labels(tmp_path):
    values = features()
    plain = load_features(write(tmp_path / "a.npz", values))
    first = load_features(write(tmp_path / "b.npz", values, np.arange(10) % 2))
    again = load_features(write(tmp_path / "c.npz", values, np.arange(10) % 2))
    other = load_features(write(tmp_path / "d.npz", values, np.arange(10) % 3))
    assert first.fingerprint == again.fingerprint
    assert len({plain.fingerprint, first.fingerprint, other.fingerprint}) == 3


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
@pytest.mark.parametrize("name", ["features", "embeddings", "X", "x", "feats", "other"])
@pytest.mark.parametrize("of_labels", ["labels", "label", "y", "targets"])
def test_other_names(tmp_path, suffix, name, of_labels):
    path, arrays = tmp_path / f"a{suffix}", {name: features(), of_labels: np.arange(10) % 3}
    if suffix == ".npz":
        np.savez(path, **arrays)
    else:
        with h5py.File(path, "w") as file:
            file.update(arrays)
    loaded = load_features(path, array="other" if name == "other" else None)
    np.testing.assert_array_equal(loaded.features[:], features())
    assert loaded.labels.tolist() == (np.arange(10) % 3).tolist()


def test_names_that_could_mean_two_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", X=features(), embeddings=features(width=7))
    with pytest.raises(
        UsageError, match=r"2 arrays .*embeddings \[10, 7\], X \[10, 4\]; .*--array NAME"
    ):
        load_features(tmp_path / "a.npz")
    assert load_features(tmp_path / "a.npz", array="X").features.shape == (10, 4)
    np.savez(tmp_path / "b.npz", X=features(), y=np.arange(10), labels=np.arange(10))
    with pytest.raises(UsageError, match=r"labels: labels \[10\], y \[10\]; keep one"):
        load_features(tmp_path / "b.npz")


def test_an_array_of_a_file_that_has_only_one(tmp_path):
    with pytest.raises(UsageError, match=r"'x' .*one array without a name: .*leave out --array"):
        load_features(write(tmp_path / "a.npy", features()), array="x")


@pytest.mark.parametrize("suffix", [".npy", ".h5"])
def test_a_block_at_a_time_gives_the_same(tmp_path, suffix, monkeypatch):
    """What does not fit into memory is read in parts."""
    values = features(n=9_000)
    path = write(tmp_path / f"a{suffix}", values)
    whole = load_features(path)
    monkeypatch.setattr(HeldArray.__init__, "__kwdefaults__", {"held_bytes": 16 * 1_500})
    parts = load_features(path)
    assert parts.fingerprint == whole.fingerprint == fingerprint_array(values)
    np.testing.assert_array_equal(parts.features[4_000:6_000], values[4_000:6_000])
