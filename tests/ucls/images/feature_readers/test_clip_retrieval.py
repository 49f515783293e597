import numpy as np
import pytest

from ucls.errors import UsageError
from ucls.images.feature_files import load_features
from ucls.images.feature_readers.clip_retrieval import CLIP_RETRIEVAL

arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def write(folder, parts, *, is_deep=True, with_paths=True):
    """The layout of clip-retrieval 2.44: float16 vectors, and a table for each part of them."""
    vectors = folder / "img_emb" if is_deep else folder
    metadata = folder / "metadata" if is_deep else folder
    first = 0
    for number, part in enumerate(parts):
        for inner in (vectors, metadata):
            inner.mkdir(parents=True, exist_ok=True)
        np.save(vectors / f"img_emb_{number}.npy", part)
        names = [f"/data/{row}.jpg" for row in range(first, first + len(part))]
        columns = {"image_path": names} if with_paths else {"caption": names}
        parquet.write_table(arrow.table(columns), metadata / f"metadata_{number}.parquet")
        first += len(part)
    return folder


@pytest.mark.parametrize("is_deep", [True, False])
def test_shards_are_one_source_in_the_order_of_their_numbers(tmp_path, is_deep):
    whole = np.random.default_rng(0).normal(size=(36, 4)).astype(np.float16)
    loaded = load_features(write(tmp_path / "out", np.split(whole, 12), is_deep=is_deep))
    np.testing.assert_array_equal(loaded.features[:], whole)
    assert (loaded.name, loaded.features.dtype) == ("out", np.float16)
    assert loaded.paths == [f"/data/{row}.jpg" for row in range(36)]


def test_rows_across_shards(tmp_path, values):
    folder = write(tmp_path, [values[:1], values[:0], values[1:4], values[4:]])
    stored = CLIP_RETRIEVAL.open(folder).array("")
    for start in range(7):
        for stop in range(start, 7):
            np.testing.assert_array_equal(stored.read(slice(start, stop)), values[start:stop])


def test_without_paths_rows_are_numbered(tmp_path, values):
    folder = write(tmp_path / "a", [values], with_paths=False)
    assert load_features(folder).paths[0] == "a/0"
    (folder / "metadata" / "metadata_0.parquet").unlink()
    assert load_features(folder).paths[0] == "a/0"


def test_parts_that_do_not_fit(tmp_path, values):
    folder = write(tmp_path, [values, values])
    np.save(folder / "img_emb" / "img_emb_1.npy", values[:5])
    with pytest.raises(UsageError, match=r"metadata_1\.parquet.* 5 vectors of .*, got 6"):
        load_features(folder)
    np.save(folder / "img_emb" / "img_emb_1.npy", values[:, :3])
    with pytest.raises(UsageError, match=r"got shape \[6, 3\] in img_emb_1\.npy"):
        load_features(folder)
