import shutil
from pathlib import Path

import numpy as np
import pytest

from ucls.errors import UsageError
from ucls.runs.apart import keep_apart, label_keys
from ucls.runs.run import Run


def test_a_key_tells_a_labelled_run(shared_run: Path, tmp_path: Path) -> None:
    kept, runs = tmp_path / "apart.safetensors", (str(shared_run),)
    assert label_keys((), kept) == ()
    assert label_keys(runs, kept) == (Run(shared_run).freshness.key("self-train"),)


def test_what_was_kept_stands_in_for_a_run_that_is_gone(shared_run: Path, tmp_path: Path) -> None:
    run, kept = tmp_path / "run", tmp_path / "apart.safetensors"
    shutil.copytree(shared_run, run)
    keys = label_keys((str(run),), kept)
    keep_apart(kept, (str(run),), np.zeros((1, 120), dtype=np.int32))
    shutil.rmtree(run)
    assert label_keys((str(run),), kept) == keys
    with pytest.raises(UsageError, match="which is no labelled run: expected the folder"):
        label_keys((str(tmp_path / "other"),), kept)
