import json

import pytest

from ucls.backbones.local import find_local
from ucls.errors import UsageError


def make_folder(path, **config):
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"model_type": "dinov2"} | config))
    return path


def test_a_folder_is_named_by_what_it_holds(tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "mine", hidden_size=64)
    monkeypatch.chdir(tmp_path)
    for text in ("mine", "mine/", str(folder)):
        assert find_local(text) == ("hf:dinov2_64x12_patch14", str(folder))


@pytest.mark.parametrize("name", ["dinov2_vits14", "facebook/dinov2-small"])
def test_a_known_name_stays_a_name(name, tmp_path, monkeypatch):
    make_folder(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert find_local(name) is None
    assert find_local(f"./{name}").weights == str(tmp_path / name)


def test_other_folders_and_files_are_none(tmp_path):
    (tmp_path / "weights.pth").touch()
    for text in (str(tmp_path), str(tmp_path / "weights.pth"), "random", "resnet18", ""):
        assert find_local(text) is None


def test_a_folder_of_something_else_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="expected a model_type of"):
        find_local(str(make_folder(tmp_path / "text", model_type="bert")))
