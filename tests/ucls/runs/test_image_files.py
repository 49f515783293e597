from pathlib import Path

import pytest

from ucls import pipeline
from ucls.config import Config
from ucls.errors import UsageError
from ucls.runs.image_files import ImageFiles, image_files
from ucls.runs.image_labels import read_labels
from ucls.runs.run import Run


def test_the_files_of_a_folder_whatever_has_come_or_gone(own_photo_run: Path) -> None:
    run = Run(own_photo_run)
    paths = read_labels(run).paths
    folder = own_photo_run.parent / "photos"
    (folder / paths[0]).unlink()
    (folder / "a.png").touch()
    found = image_files(run, "train", paths)
    assert found.files == [str(folder / path) for path in paths]
    assert found.listed == folder


def test_folders_among_the_images_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    apart = [tmp_path, tmp_path / "photos-2"]
    found = ImageFiles([], tmp_path / "photos")
    found.check_apart_from(apart)
    for folder in (tmp_path / "photos", tmp_path / "link" / "new"):
        ImageFiles([], None).check_apart_from([folder])
        with pytest.raises(UsageError, match=f"{folder} lies in .*choose a folder elsewhere"):
            found.check_apart_from([*apart, folder])


def test_the_files_of_a_list(photos: Path, tmp_path: Path, tiny_config: Config) -> None:
    images = sorted(photos.rglob("*.png"))
    lines = [str(image) for image in images[1:]] + ["mine.png"]
    (tmp_path / "mine.png").write_bytes(images[0].read_bytes())
    (tmp_path / "list.csv").write_text("\n".join(["path", *lines]))
    pixels = {"extract.backbone": "pixels", "extract.image_size": 4, "extract.workers": 0}
    config = tiny_config.with_values({"n_clusters": 3, **pixels})
    pipeline.start(str(tmp_path / "list.csv"), out=tmp_path / "run", config=config)
    found = image_files(Run(tmp_path / "run"), "train", lines)
    assert found.files == [*lines[:-1], str(tmp_path / "mine.png")]
    assert found.listed is None


def test_features_have_no_files(run_path: Path) -> None:
    with pytest.raises(UsageError, match=r"features that have no images.*ucls export"):
        image_files(Run(run_path), "train", ["0"])


def test_a_dataset_of_arrays_has_no_files(tmp_path: Path, tiny_config: Config) -> None:
    config = tiny_config.with_values({"n_clusters": 10})
    pipeline.start("digits", out=tmp_path / "run", config=config)
    with pytest.raises(UsageError, match="those of digits are no files of their own"):
        image_files(Run(tmp_path / "run"), "val", ["0"])


@pytest.mark.parametrize("has_others", [False, True])
def test_a_dataset_of_files(tmp_path: Path, tiny_config: Config, has_others: bool) -> None:
    from PIL import Image

    names = [f"images/{kind}/{row}.jpg" for kind in ("pie", "soup") for row in range(20)]
    root = tmp_path / "data" / "food-101"
    (root / "meta").mkdir(parents=True)
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (6 * number, 90, 200 - number)).save(root / name)
    ids = [name.removeprefix("images/").removesuffix(".jpg") for name in names]
    for split, kept in (("train", ids[::2]), ("test", ids[1::2])):
        (root / "meta" / f"{split}.txt").write_text("\n".join(kept))
    pixels = {"extract.backbone": "pixels", "extract.image_size": 4, "extract.workers": 0}
    config = tiny_config.with_values({"n_clusters": 2, **pixels})
    from ucls.sources import load_source

    source = load_source("food101", data_dir=tmp_path / "data")
    run = pipeline.start(source, out=tmp_path / "run", config=config)
    paths = [f"{name}.jpg" for name in sorted(ids[1::2])]
    if has_others:
        with pytest.raises(UsageError, match="those of food101 are others now"):
            image_files(Run(tmp_path / "run"), "val", paths[::-1])
        return
    found = image_files(Run(tmp_path / "run"), "val", paths)
    assert found.files == [str(root / "images" / path) for path in paths]
    assert found.listed == root / "images"
    assert run
