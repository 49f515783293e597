import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

import ucls
from tests.conftest import Lines
from ucls import pipeline
from ucls.errors import UclsError, UsageError
from ucls.images.files import UnreadableImageError
from ucls.runs.predictor import Prediction, Predictor
from ucls.settings.config import Config
from ucls.stages.predict import predict
from ucls.stages.relabel import relabel

VIT = {
    "n_clusters": 3,
    "extract.backbone": "test_vit",
    "extract.weights": "random",
    "extract.image_size": 32,
    "extract.workers": 0,
    "extract.batch_size": 16,
}


@pytest.fixture(scope="module")
def vit_run(tmp_path_factory: pytest.TempPathFactory, photos: Path, tiny_config: Config) -> Path:
    """A finished run on a real ViT."""
    folder = tmp_path_factory.mktemp("vit")
    config = tiny_config.with_values(VIT)
    return pipeline.run(
        str(photos), out=folder / "run", cache_dir=folder / "cache", config=config
    ).path


def rows_of(run: Path, source: Path, tmp_path: Path) -> list[dict[str, str]]:
    """What ``ucls predict`` writes."""
    predict(run, str(source), out=tmp_path / "expected.csv")
    with (tmp_path / "expected.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def cells(found: list[Prediction]) -> list[tuple[str, str, str]]:
    return [(str(p.cluster), f"{p.confidence:.4f}", f"{p.probability:.4f}") for p in found]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vit_run", "shared_photo_run", "shared_two_space_run"])
def test_files_get_the_labels_that_predict_gives_them(
    name: str, photos: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    run: Path = request.getfixturevalue(name)
    rows = rows_of(run, photos, tmp_path)
    predictor = Predictor(run)
    found = predictor.predict([photos / row["path"] for row in rows])
    expected = [(row["cluster"], row["confidence"], row["probability"]) for row in rows]
    if name == "shared_two_space_run":  # whose backbones share the smaller batch
        assert [cell[0] for cell in cells(found)] == [cell[0] for cell in expected]
    else:
        assert cells(found) == expected
    for row, one in list(zip(rows, found, strict=True))[:9]:
        alone = predictor.predict(str(photos / row["path"]))
        assert alone.cluster == one.cluster
        assert alone.probability == pytest.approx(one.probability, abs=0.01)


def test_pictures_and_pixels_are_files_that_were_read(vit_run: Path, photos: Path) -> None:
    predictor = Predictor(vit_run)
    files = sorted(photos.rglob("*.png"))[::10]
    expected = [predictor.predict(file) for file in files]
    assert [predictor.predict(Image.open(file)) for file in files] == expected
    assert [predictor.predict(np.asarray(Image.open(file))) for file in files] == expected
    assert len({one.cluster for one in expected}) > 1


def test_a_picture_is_seen_as_a_person_sees_it(vit_run: Path, photos: Path, tmp_path: Path) -> None:
    predictor = Predictor(vit_run)
    picture = Image.open(photos / "left" / "01.png")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    picture.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    expected = predictor.predict(picture)
    assert predictor.predict(tmp_path / "turned.png") == expected
    assert predictor.predict(Image.open(tmp_path / "turned.png")) == expected
    with_alpha = picture.convert("RGBA")
    assert predictor.predict(with_alpha) == expected


def test_names_and_corrected_clusters(photo_run_path: Path, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "edits.toml").write_text(
        "schema = 1\n"
        '[[edits]]\ndo = "merge"\nclusters = [1]\ninto = 0\n'
        '[[edits]]\ndo = "rename"\ncluster = 0\nname = "birds"\n'
    )
    relabel(photo_run_path, tmp_path / "edits.toml")
    predictor = Predictor(photo_run_path)
    assert predictor.columns == ("path", "cluster", "confidence", "probability", "name")
    rows = rows_of(photo_run_path, photos, tmp_path)
    found = predictor.predict([photos / row["path"] for row in rows])
    assert [one.name for one in found] == [row["name"] for row in rows]
    assert {one.name for one in found} == {"birds", ""}
    assert {one.cluster for one in found} == {0, 2}


def test_nothing_and_one_of_a_list(vit_run: Path, photos: Path) -> None:
    predictor = ucls.Predictor(vit_run)
    file = photos / "left" / "01.png"
    assert predictor.predict([]) == []
    assert predictor.predict([file]) == [predictor.predict(file)]
    assert predictor.predict((file,)) == [predictor.predict(file)]


@pytest.mark.parametrize(
    ("picture", "part"),
    [
        (np.zeros((4, 4, 3)), r"expected RGB pixels as uint8 \[H, W, 3\], got float64 \[4, 4, 3\]"),
        (np.zeros((2, 4, 4, 3), np.uint8), "several pictures as a list"),
        (np.zeros((4, 4), np.uint8), r"got uint8 \[4, 4\]"),
        (7, "expected a path, an image of Pillow or an array, got int"),
        ([None], "got NoneType"),
    ],
)
def test_what_is_no_picture(shared_photo_run: Path, picture: object, part: str) -> None:
    with pytest.raises(UsageError, match=part):
        Predictor(shared_photo_run).predict(picture)  # type: ignore[call-overload]


def test_unreadable_pictures(shared_photo_run: Path, photos: Path, tmp_path: Path) -> None:
    predictor = Predictor(shared_photo_run)
    with pytest.raises(UnreadableImageError, match="No such file") as caught:
        predictor.predict(["gone.png"])
    assert caught.value.__notes__ == ["gone.png"]
    whole = (photos / "left" / "01.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableImageError, match="truncated"):
        predictor.predict(Image.open(tmp_path / "cut.png"))


def test_runs_that_label_no_pictures(
    shared_run: Path, photo_run_path: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="was made of a feature file, so it cannot read images"):
        Predictor(shared_run)
    (photo_run_path / "classifier.safetensors").unlink()
    with pytest.raises(UclsError, match="run first: ucls self-train"):
        Predictor(photo_run_path)
    with pytest.raises(UsageError, match="is not a run folder"):
        Predictor(tmp_path)


def test_it_needs_neither_the_images_nor_their_features(
    photo_run_path: Path, photos: Path, tmp_path: Path, lines: Lines
) -> None:
    own = Path(shutil.copytree(photos, tmp_path / "elsewhere"))
    predictor = Predictor(photo_run_path, reporter=lines, device="cpu")
    shutil.rmtree(photo_run_path)
    assert isinstance(predictor.predict(own / "left" / "01.png"), Prediction)
