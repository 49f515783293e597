import shutil

import pytest
from PIL import Image

from ucls.errors import UsageError
from ucls.images.packed.shards import find_shards, is_pattern


@pytest.fixture
def folder(tmp_path, fixtures):
    """``train-00.tar`` to ``train-03.tar`` and ``val-00.tar``."""
    root = tmp_path / "set"
    root.mkdir()
    for name in (*(f"train-{number:02d}" for number in range(4)), "val-00"):
        shutil.copy(fixtures / "shard-000.tar", root / f"{name}.tar")
    return root


@pytest.mark.parametrize(
    ("pattern", "files", "name"),
    [
        ("train-{00..02}.tar", ["train-00.tar", "train-01.tar", "train-02.tar"], "train"),
        ("{train,val}-00.tar", ["train-00.tar", "val-00.tar"], "00"),
        ("{val,train}-{00..00}.tar", ["val-00.tar", "train-00.tar"], "set"),
        ("train-*.tar", [f"train-0{number}.tar" for number in range(4)], "train"),
        ("t*-0?.tar", [f"train-0{number}.tar" for number in range(4)], "t-0"),
        ("{train-00,train-00}.tar", ["train-00.tar"], "set"),
        ("val-00.tar", ["val-00.tar"], "val-00"),
        ("", [*(f"train-0{number}.tar" for number in range(4)), "val-00.tar"], "set"),
    ],
)
def test_files_of_a_pattern(folder, pattern, files, name):
    shards = find_shards(folder / pattern)
    assert [file.name for file in shards.files] == files
    assert (shards.name, shards.names, shards.kind) == (name, files, ".tar")
    assert shards.location == folder / pattern


def test_folders_tell_files_of_one_name_apart(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "other")
    shards = find_shards(tmp_path / "{set,other}" / "val-00.tar")
    assert shards.names == ["set/val-00.tar", "other/val-00.tar"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("train-{00..09}.tar", r"train-04\.tar is missing"),
        ("no-*.tar", "no file is called like"),
        ("train-{0..999999999}.tar", "more than 100,000 files"),
    ],
)
def test_files_that_are_missing(folder, pattern, message):
    with pytest.raises(UsageError, match=message):
        find_shards(folder / pattern)


@pytest.mark.parametrize("inner", ["a.jpg", "cats/a.png"])
def test_a_folder_of_images_stays_one(folder, inner):
    (folder / inner).parent.mkdir(exist_ok=True)
    Image.new("RGB", (4, 4)).save(folder / inner)
    assert find_shards(folder) is None


def test_what_is_something_else(tmp_path):
    (tmp_path / "list.txt").touch()
    for path in (tmp_path, tmp_path / "list.txt", tmp_path / "no.tar", tmp_path / "photos*"):
        assert find_shards(path) is None
        assert not is_pattern(path)


def test_tables_of_features_are_not_of_images(fixtures):
    pytest.importorskip("pyarrow")
    assert find_shards(fixtures / "pandas.parquet") is None


def test_splits_are_not_mixed(tmp_path, fixtures):
    pytest.importorskip("pyarrow")
    for name in ("train-00000-of-00001", "test-00000-of-00001"):
        shutil.copy(fixtures / "hf.parquet", tmp_path / f"{name}.parquet")
    with pytest.raises(UsageError, match=r"the splits test, train: .*/test-\*\.parquet'"):
        find_shards(tmp_path)
    (file,) = find_shards(tmp_path / "train-*.parquet").files
    assert file.name == "train-00000-of-00001.parquet"


def test_an_archive_beside_tables_is_something_else(tmp_path, fixtures):
    pytest.importorskip("pyarrow")
    shutil.copy(fixtures / "hf.parquet", tmp_path)
    (tmp_path / "code.tar.gz").touch()
    assert find_shards(tmp_path).kind == ".parquet"
    (tmp_path / "hf.parquet").unlink()
    shutil.copy(fixtures / "pandas.parquet", tmp_path)
    assert find_shards(tmp_path).kind == ".tar"


def test_an_archive_and_the_same_compressed_are_not_both_taken(folder):
    (folder / "val-00.tgz").touch()
    with pytest.raises(UsageError, match=r"val-00\.tar and val-00\.tgz, the same .*set/\*\.tar'"):
        find_shards(folder)
    assert len(find_shards(folder / "*.tar").files) == 5


def test_folders_of_save_to_disk(tmp_path, fixtures):
    shutil.copytree(fixtures / "hf", tmp_path / "hf")
    state = tmp_path / "hf" / "state.json"
    state.write_text(state.read_text().replace('"data-00001', '"../../hf/data-00001'))
    assert [file.parent for file in find_shards(tmp_path / "hf").files] == [tmp_path / "hf"] * 2
    (tmp_path / "hf" / "data-00001-of-00002.arrow").unlink()
    with pytest.raises(UsageError, match=r"data-00001-of-00002\.arrow is missing"):
        find_shards(tmp_path / "hf")
    for text in ("{", "{}", '{"_data_files": [1]}'):
        state.write_text(text)
        with pytest.raises(UsageError, match=r"cannot read .*state\.json"):
            find_shards(tmp_path / "hf")
    (tmp_path / "dataset_dict.json").touch()
    with pytest.raises(UsageError, match="several splits: give one of its folders"):
        find_shards(tmp_path)


@pytest.mark.parametrize("end", [".tar", ".tar.gz", ".TGZ"])
def test_compressed_archives_are_found_where_others_are(tmp_path, end):
    for split in ("train", "val"):
        (tmp_path / f"{split}-00000-of-00001{end}").touch()
    with pytest.raises(UsageError, match=rf"the splits train, val: .*/train-\*\{end}'"):
        find_shards(tmp_path)
    pattern = tmp_path / f"{{train,val}}-00000-of-0*{end}"
    assert is_pattern(pattern)
    shards = find_shards(pattern)
    assert (shards.kind, shards.name, len(shards.files)) == (".tar", "00000-of-0", 2)
