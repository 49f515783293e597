import errno
import os
import pickle

import numpy as np
import pytest
from PIL import Image

from ucls.errors import UsageError
from ucls.images.files import UnreadableImageError
from ucls.images.manifest import load_manifest


@pytest.fixture
def pictures(tmp_path):
    """Pictures ``a.png`` and ``sub/b.png`` beside the list."""
    (tmp_path / "sub").mkdir()
    Image.new("RGB", (4, 4), (1, 0, 0)).save(tmp_path / "a.png")
    Image.new("RGB", (4, 4), (2, 0, 0)).save(tmp_path / "sub" / "b.png")
    return tmp_path


def write(folder, text, name="list.csv", encoding="utf-8"):
    (folder / name).write_text(text, encoding=encoding)
    return folder / name


def test_paths_and_labels(pictures):
    text = f"path,label,note\nsub/b.png,dog,x\n{pictures / 'a.png'},,y\n"
    images = load_manifest(write(pictures, text), split="val")
    assert (images.name, images.split) == ("list", "val")
    assert images.paths == ["sub/b.png", str(pictures / "a.png")]
    assert images.labels.tolist() == [0, -1]
    assert images.labels.dtype == np.int32
    assert images.class_names == ("dog",)
    assert images.location == str(pictures.resolve() / "list.csv")
    assert [images.read(row).getpixel((0, 0))[0] for row in range(2)] == [2, 1]


@pytest.mark.parametrize("text", ["path\na.png\n", "path,label\na.png,\n", "label,path\n,a.png"])
def test_no_labels(pictures, text):
    images = load_manifest(write(pictures, text))
    assert images.labels is None
    assert images.class_names == ()


@pytest.mark.parametrize(
    "text",
    [
        "path,label\r\na.png,cat\r\n",
        "\n path , label \n\n a.png , cat \n\n",
        'label,path\n"cat","a.png"\n',
        "Path, LABEL ,\na.png,cat,\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_ways_to_write_the_same(pictures, text, encoding):
    images = load_manifest(write(pictures, text, encoding=encoding))
    assert images.paths == ["a.png"]
    assert images.class_names == ("cat",)


def test_a_missing_image_is_unreadable(pictures):
    images = load_manifest(write(pictures, "path\na.png\nnone.png\n"))
    assert len(images) == 2
    with pytest.raises(UnreadableImageError, match="No such file"):
        images.read(1)


def test_fingerprint_follows_images_that_keep_their_size(pictures):
    path = write(pictures, "path\na.bmp\n")
    fingerprints = set()
    for colour in ("red", "blue"):
        Image.new("RGB", (4, 4), colour).save(pictures / "a.bmp")
        fingerprints.add(load_manifest(path).fingerprint)
    assert len(fingerprints) == 2


def test_fingerprint_follows_paths_and_sizes(pictures):
    path = write(pictures, "path,label\na.png,x\nsub/b.png,y\n")
    first = load_manifest(path).fingerprint
    relabelled = load_manifest(write(pictures, "path,label\na.png,y\nsub/b.png,x\n")).fingerprint
    turned = load_manifest(write(pictures, "path\nsub/b.png\na.png\n")).fingerprint
    write(pictures, "path,label\na.png,x\nsub/b.png,y\n")
    Image.new("RGB", (40, 40)).save(pictures / "a.png")
    resized = load_manifest(path).fingerprint
    assert first == relabelled
    assert len({first, turned, resized}) == 3


def test_it_can_be_sent_to_another_process(pictures):
    images = load_manifest(write(pictures, "path\na.png\n"))
    assert pickle.loads(pickle.dumps(images)).read(0).getpixel((0, 0)) == (1, 0, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "column 'path' in .*got nothing"),
        ("a.png,cat\n", "got 'a.png', 'cat': add it as the first line"),
        ("Path;label\na.png;cat\n", "got 'Path;label': separate columns with commas"),
        ("label\tpath\ncat\ta.png\n", "separate columns with commas"),
        ("my;table\n1;2\n", "rename the column of paths to 'path'"),
        ("url,label\na.png,x\n", "rename the column of paths to 'path'"),
        ("filepath,image\na.png,x\n", "rename the column that is meant to 'path'"),
        ("FileName;label\na.png;x\n", "separate columns with commas"),
        ("sub/b.png\na.png\n", "add it as the first line"),
        ("path,label,PATH\na.png,x,a.png\n", "each column once in .*got 'path' 2 times"),
        ("path,label\na.png,x\n\nsub/b.png\n", r"expected 2 columns in line 4 of .*got 1: "),
        ("path,label\na.png,x,y\n", r"expected 2 columns in line 2 of .*got 3: "),
        ("path,label\na.png,x\0\n", "cannot read .*: line 2 contains NUL"),
        ("path,label\n", "header only"),
        ("path,label\na.png,x\n,y\n", "got 1 row without"),
        ("path,label\na.png,x\n./a.png,y\n", r"one label for each .*got x and y for .*a\.png"),
        ("path\nno.png\nnone.png\n", r"none of the images in .*no\.png"),
        ("file,class\nno.png,x\n", r"none of .*; labels are read from a column 'label', not 'cl"),
        ("path\nsub\n", "none of the images"),
        (f"path\n{'x' * 5000}\n", "none of the images"),
    ],
)
def test_lists_that_cannot_be_used(pictures, text, message):
    with pytest.raises(UsageError, match=message) as caught:
        load_manifest(write(pictures, text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "column", ["filepath", "file_path", "file_name", "FileName", "image", "img_path", "file"]
)
def test_the_column_of_paths_as_other_tools_name_it(pictures, column):
    images = load_manifest(write(pictures, f"{column},label\na.png,x\n"))
    assert (images.paths, images.class_names) == (["a.png"], ("x",))
    beside = load_manifest(write(pictures, f"path,{column}\na.png,x\n"))
    assert beside.paths == ["a.png"]


def test_a_column_of_labels_that_is_called_otherwise_is_told(pictures):
    path = write(pictures, "file,Class\na.png,x\n")
    images = load_manifest(path)
    assert images.labels is None
    assert images.notes == (
        f"{path.resolve()}: labels are read from a column 'label', not 'class'",
    )
    assert load_manifest(write(pictures, "path,label,class\na.png,x,y\n")).notes == ()


def test_minus_one_is_no_label_as_in_feature_files(pictures):
    images = load_manifest(write(pictures, "path,label\na.png,-1\nsub/b.png,7\n"))
    assert (images.labels.tolist(), images.class_names) == ([-1, 0], ("7",))


def test_names_that_are_not_utf8_are_taken_as_they_are(pictures):
    name = os.fsdecode(b"\xfc.png")
    try:
        (pictures / "a.png").rename(pictures / name)
    except OSError:
        pytest.skip("this file system refuses such names")
    images = load_manifest(write(pictures, "path,label\nü.png,ä\n", encoding="latin-1"))
    assert images.paths == [name]
    assert images.read(0).size == (4, 4)
    assert len(images.fingerprint) == 64


def test_another_encoding(pictures):
    path = write(pictures, "path\nü.png\n", encoding="latin-1")
    with pytest.raises(UsageError, match=r"none of the images .*, and save it in UTF-8$"):
        load_manifest(path)


@pytest.mark.parametrize(
    ("content", "kind"),
    [("path\na.png\n".encode("utf-16"), "text in UTF-16"), (b"PK\x03\x04\0", "a zip archive")],
)
def test_what_is_no_text(tmp_path, content, kind):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(UsageError, match=rf"as CSV in UTF-8, got .*a\.csv, which is {kind}"):
        load_manifest(tmp_path / "a.csv")


def test_a_list_that_must_not_be_read(pictures, monkeypatch):
    path = write(pictures, "path\na.png\n")

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "no", str(path))

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(UsageError, match="Permission denied; check its rights"):
        load_manifest(path)


@pytest.mark.parametrize("again", ["a.png", "./a.png", "sub/../a.png"])
def test_an_image_that_is_listed_again_counts_once(pictures, again):
    text = f"path,label\na.png,x\nsub/b.png,y\n{again},\n{again},x\n"
    images = load_manifest(write(pictures, text))
    assert images.paths == ["a.png", "sub/b.png"]
    assert images.labels.tolist() == [0, 1]
    (note,) = images.notes
    assert note.endswith("a.png: left out 2 rows, so that each counts once")
    assert load_manifest(write(pictures, "path\na.png\n")).notes == ()


def test_a_text_file_has_a_path_in_each_line(pictures):
    (pictures / "a,b.png").write_bytes((pictures / "a.png").read_bytes())
    images = load_manifest(write(pictures, "a.png\n\n  sub/b.png \r\na,b.png\n", "list.txt"))
    assert images.paths == ["a.png", "sub/b.png", "a,b.png"]
    assert images.labels is None
    for text, message in (("", "got no line"), ("x\ny\n", "none of the images"), ("a\0\n", "NUL")):
        with pytest.raises(UsageError, match=message):
            load_manifest(write(pictures, text, "bad.txt"))


def test_columns_with_tabs(pictures):
    images = load_manifest(write(pictures, "Label\tImage\ncat, big\ta.png\n", "list.tsv"))
    assert (images.paths, images.class_names) == (["a.png"], ("cat, big",))
    with pytest.raises(UsageError, match="separate columns with tabs"):
        load_manifest(write(pictures, "path,label\na.png,x\n", "bad.tsv"))


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (("3.0", "1.0"), ("1", "3")),
        (("3.", "1"), ("1", "3")),
        (("3.0", "-1.0"), ("3",)),
        (("3.0", ""), ("3",)),
        (("3.0", "x"), ("3.0", "x")),
        (("3.5", "1.0"), ("1.0", "3.5")),
        (("007.0", "7"), ("007", "7")),
    ],
)
def test_whole_numbers_that_a_table_turned_into_floats(pictures, labels, names):
    text = f"path,label\na.png,{labels[0]}\nsub/b.png,{labels[1]}\n"
    assert load_manifest(write(pictures, text)).class_names == names
