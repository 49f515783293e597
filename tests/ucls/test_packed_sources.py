"""Runs on images inside of archives: what needs pictures works, what needs files says no."""

import csv
import json
import tarfile
import threading
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest
from PIL import Image

from ucls import pipeline
from ucls.cache import FeatureCache
from ucls.errors import UsageError
from ucls.runs.image_files import image_files
from ucls.runs.pictures import Pictures
from ucls.runs.run import Run
from ucls.sources import load_source
from ucls.stages.predict import predict
from ucls.stages.report import report
from ucls.stages.serve import serve
from ucls.stages.verify import verify

if TYPE_CHECKING:
    from tests.conftest import Cli
    from ucls.settings.config import Config


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """The photos in three archives, their folder as ``.cls``, and a name that climbs."""
    folder = tmp_path_factory.mktemp("packed") / "shards"
    folder.mkdir()
    images = sorted(photos.rglob("*.png"))
    for number in range(3):
        with tarfile.open(folder / f"{number}.tar", "w") as archive:
            for image in images[number::3]:
                name = f"../{image.stem}" if image.stem == "00" else image.stem
                archive.add(image, f"{name}.png")
                label = folder.parent / "label"
                label.write_text(image.parent.name)
                archive.add(label, f"{name}.cls")
    return folder


@pytest.fixture(scope="module")
def packed_run(shards: Path, tiny_config: "Config") -> Path:
    pixels = {"extract.backbone": "pixels", "extract.image_size": 4, "extract.workers": 1}
    return pipeline.run(
        str(shards),
        out=shards.parent / "run",
        cache_dir=shards.parent / "cache",
        config=tiny_config.with_values({"n_clusters": 3, **pixels}),
    ).path


@pytest.mark.slow
def test_it_is_a_run_like_that_of_the_files(packed_run: Path, photos: Path, shards: Path) -> None:
    run = Run(packed_run)
    assert (run.data.n_images, run.data.n_classes) == (60, 3)
    source = load_source(str(shards))
    (cache_path,) = run.caches["train"].values()
    plain = load_source(str(photos)).splits["train"]
    by_name = {Path(path).stem: row for row, path in enumerate(plain.paths)}
    with FeatureCache(cache_path) as cache:
        assert cache.paths() == source.splits["train"].paths
        assert "0.tar/../00.png" in cache.paths()
        for row, path in enumerate(cache.paths()):
            image = source.splits["train"].read(row)
            assert image.tobytes() == plain.read(by_name[Path(path).stem]).tobytes()
    assert {file.name for file in source.files()} >= {"0.tar", "1.tar", "2.tar"}


def test_pictures_are_read_for_pages(packed_run: Path) -> None:
    pictures = Pictures.of(Run(packed_run), "train")
    assert pictures
    assert pictures.read(0).mode == "RGB"
    assert pictures.file(0) is None
    report(packed_run)
    assert "data:image/webp" in (packed_run / "report.html").read_text()


def test_pictures_are_served(packed_run: Path) -> None:
    server = serve(packed_run, port=0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        for kind in ("thumbnail", "image"):
            with urlopen(f"{server.url}{kind}/0") as answer:
                assert answer.headers["Content-Type"] == "image/webp"
                assert Image.open(BytesIO(answer.read())).mode == "RGB"
    finally:
        server.shutdown()
        server.server_close()


def test_caches_are_verified(packed_run: Path) -> None:
    (cache,) = Run(packed_run).caches["train"].values()
    assert {check.outcome for check in verify(cache)} == {"ok"}


@pytest.mark.slow
def test_what_needs_files_says_no(
    packed_run: Path, shards: Path, tmp_path: Path, cli: "Cli"
) -> None:
    with pytest.raises(UsageError, match=r"no image files, since they lie inside of .*shards; for"):
        image_files(Run(packed_run), "train", ["0.tar/../00.png"])
    for arguments in (
        ("sort", str(packed_run), "--to", str(tmp_path / "sorted")),
        ("export", str(packed_run), "--out", str(tmp_path / "a.json"), "--format", "fiftyone"),
    ):
        done = cli(*arguments)
        assert done.exit_code == 2
        assert f"they lie inside of {shards}" in " ".join(done.err.split())
    assert not (tmp_path / "sorted").exists()


def test_labels_are_exported(packed_run: Path, tmp_path: Path, cli: "Cli") -> None:
    assert cli("export", str(packed_run), "--out", str(tmp_path / "a.csv")).exit_code == 0
    with (tmp_path / "a.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 60
    coco = ("--out", str(tmp_path / "a.json"), "--format", "coco")
    assert cli("export", str(packed_run), *coco).exit_code == 0
    images = json.loads((tmp_path / "a.json").read_text())["images"]
    assert images[0]["file_name"].startswith("0.tar/")


def test_new_images_in_archives_and_in_folders(
    packed_run: Path, shards: Path, photos: Path, tmp_path: Path
) -> None:
    clusters = []
    for source in (shards / "{0,2}.tar", photos):
        predict(packed_run, str(source), out=tmp_path / "new.csv", overwrite=True)
        with (tmp_path / "new.csv").open() as file:
            clusters.append(
                {Path(row["path"]).stem: row["cluster"] for row in csv.DictReader(file)}
            )
    assert len(clusters[0]) == 40
    assert clusters[0].items() <= clusters[1].items()


def test_validation_in_other_archives(shards: Path, tmp_path: Path) -> None:
    source = load_source(str(shards / "{0,1}.tar"), val=str(shards / "2.tar"))
    assert (source.kind, len(source.splits["val"])) == ("packed", 20)
    assert source.splits["val"].class_names == ("high", "left", "plain")
    again = load_source(**source.arguments)
    assert again.splits["val"].fingerprint == source.splits["val"].fingerprint
    with pytest.raises(UsageError, match=r"overlap: both are read from .*1\.tar"):
        load_source(str(shards / "{0,1}.tar"), val=str(shards / "1.tar"))
    with pytest.raises(UsageError, match="expected validation images of the kind"):
        load_source(str(shards), val=str(tmp_path))
    with pytest.raises(UsageError, match=r"beside images in an archive as \.cls"):
        load_source(str(shards), labels="folders")
    with pytest.raises(UsageError, match="--array belongs to files of arrays"):
        load_source(str(shards), array="x")
