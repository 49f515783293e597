from pathlib import Path

import numpy as np

from tests.cache.features.cache_samples import CLS, NAMES, PATCH_MEAN, SPEC
from ucls.cache import FeatureCache, FeatureCacheWriter
from ucls.extraction.storing import store
from ucls.extraction.tokens import TokenBatch


def batch(rows: list[int], skipped: list[int], n_seen: int) -> TokenBatch:
    return TokenBatch(
        cls=CLS[:, rows],
        patch_mean=PATCH_MEAN[:, rows],
        paths=[NAMES[row] for row in rows],
        rows=np.array(rows, np.int64),
        skipped=[(NAMES[row], f"broken {row}") for row in skipped],
        n_seen=n_seen,
    )


def test_batches_with_and_without_skipped_images(tmp_path: Path) -> None:
    with FeatureCacheWriter(tmp_path / "x.h5", SPEC, 9) as writer:
        store(writer, batch([0, 1, 2], [], 3), None)
        store(writer, batch([4], [3, 5], 6), None)
        store(writer, batch([], [6, 7, 8], 9), None)
        writer.finish()
    kept = [0, 1, 2, 4]
    with FeatureCache(tmp_path / "x.h5") as cache:
        assert cache.paths() == [NAMES[row] for row in kept]
        assert cache.image_numbers().tolist() == kept
        assert cache.image_paths() == NAMES[:9]
        assert [reason for _, reason in cache.skipped] == [f"broken {i}" for i in (3, 5, 6, 7, 8)]
        cls, patch_mean = cache.read_tokens()
    np.testing.assert_array_equal(cls, CLS[:, kept].astype(np.float16))
    np.testing.assert_array_equal(patch_mean, PATCH_MEAN[:, kept].astype(np.float16))
