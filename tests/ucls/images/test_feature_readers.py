import os
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest

from ucls.errors import UsageError
from ucls.images.feature_readers import read_contents

FEATURES = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.h5"


def refused(path, message):
    with pytest.raises(UsageError, match=message) as caught:
        read_contents(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda f: f.create_group("features").create_group("x"), "got a group of that name, .*x"),
        (
            lambda f: f.update(features=FEATURES) or f.create_group("labels"),
            "named 'labels'.*group",
        ),
        (lambda f: f.update(features=h5py.SoftLink("/gone")), "features in .* is a link to what"),
        (
            lambda f: f.update(features=h5py.ExternalLink("gone.h5", "/x")),
            "features in .* is a link to what",
        ),
    ],
)
def test_what_is_no_array_is_called_what_it_is(path, build, message):
    with h5py.File(path, "w") as file:
        build(file)
    assert "damaged" not in refused(path, message)


def test_a_compression_that_is_not_installed_is_named(path):
    with h5py.File(path, "w") as file:
        space, properties = (
            h5py.h5s.create_simple((20, 4)),
            h5py.h5p.create(h5py.h5p.DATASET_CREATE),
        )
        properties.set_chunk((20, 4))
        properties.set_filter(32_001, h5py.h5z.FLAG_OPTIONAL)
        made = h5py.h5d.create(file.id, b"features", h5py.h5t.NATIVE_FLOAT, space, properties)
        made.write_direct_chunk((0, 0), FEATURES.tobytes())
    assert "damaged" not in refused(path, "its features are compressed in a way")


@pytest.mark.parametrize("array", ["features", "labels"])
def test_the_damaged_array_is_the_one_that_is_blamed(tmp_path, array):
    path = tmp_path / "a.npz"
    np.savez(path, features=FEATURES, labels=np.arange(20))
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo(f"{array}.npy").header_offset
    content = bytearray(path.read_bytes())
    content[place + 200] ^= 1
    path.write_bytes(content)
    refused(path, f"cannot read .*: its {array} are damaged")


def test_a_file_that_another_program_writes(path):
    code = (
        "import h5py, sys, numpy as np\n"
        f"f = h5py.File({str(path)!r}, 'w'); f['features'] = np.eye(4); f.flush()\n"
        "print(flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as writer:
        writer.stdout.readline()
        assert "damaged" not in refused(path, "another program has it open for writing; wait")
        writer.communicate()
    assert read_contents(path).features.shape == (4, 4)


def test_a_mark_that_was_left(path):
    with h5py.File(path, "w", libver="latest") as file:
        file["features"] = FEATURES
        file.swmr_mode = True
        file.flush()
        content = path.read_bytes()
    path.write_bytes(content)
    assert "damaged" not in refused(path, "the program that writes it has not closed it")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_rights(path):
    path.write_bytes(b"")
    path.chmod(0)
    refused(path, "Permission denied; check")
