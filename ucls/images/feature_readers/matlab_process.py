"""A process that reads a MATLAB file up to version 7, as SciPy crashes on some that are damaged.

``python matlab_process.py FILE`` tells the arrays of a file as JSON; with ``NAME OUT.npy`` it
writes one of them, cells of texts as texts.
"""

import json
import sys

import numpy as np
from scipy.io import loadmat, whosmat


def main(path: str, name: str = "", out: str = "") -> None:
    """Does what the command line says."""
    if not name:
        print(json.dumps(whosmat(path)))
        return
    values = loadmat(path, variable_names=[name], mat_dtype=True)[name]
    if values.dtype == object:
        texts = [np.asarray(cell).ravel().tolist() for cell in values.ravel()]
        values = np.array(["".join(map(str, text)) for text in texts])
    np.save(out, values, allow_pickle=False)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:  # noqa: BLE001 - told by the process that asked
        sys.exit(f"{type(error).__name__}: {error}")
