import hashlib

import numpy as np
import pytest

from ucls.images.array_fingerprint import Fingerprint, chunks, fingerprint_array


@pytest.mark.parametrize("n", [0, 1, 4_096, 9_000])
def test_it_is_that_of_dtype_shape_and_bytes(n: int) -> None:
    values = np.arange(3 * n, dtype=np.float32).reshape(n, 3)
    expected = hashlib.sha256(f"<f4 ({n}, 3)".encode() + values.tobytes()).hexdigest()
    assert fingerprint_array(values) == fingerprint_array(np.asfortranarray(values)) == expected
    parts = Fingerprint(values)
    for start, rows in chunks(values):
        np.testing.assert_array_equal(rows, values[start : start + len(rows)])
        parts.add(rows)
    assert parts.hexdigest() == expected
