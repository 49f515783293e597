import shutil
from pathlib import Path

import pytest

from tests.conftest import Lines
from ucls.config import Config
from ucls.errors import UsageError
from ucls.sources import load_source
from ucls.stages.suggest_k import suggest_k


def test_a_source_and_its_run_are_told_the_same(
    tmp_path: Path, sources: Path, own_cache: Path, shared_run: Path
) -> None:
    plot = tmp_path / "new" / "numbers.svg"
    found = suggest_k(str(sources / "blobs.npz"), plot=plot)
    assert (found.n_clusters, found.how_sure) == (4, "clear")
    assert plot.read_text(encoding="utf-8").lstrip().startswith("<?xml")
    assert suggest_k(str(shared_run)) == found


def test_photos_are_extracted_once(
    tmp_path: Path, photos: Path, own_cache: Path, lines: Lines
) -> None:
    for number in range(2):
        shutil.copytree(photos, tmp_path / "more" / str(number))
    source = load_source(str(tmp_path / "more"))
    config = Config().with_values({"extract.backbone": "pixels", "extract.image_size": 4})
    for _ in range(2):
        suggest_k(source, config=config, cache_dir=own_cache, reporter=lines)
    cached = [line for line in lines.said if "features are cached" in line]
    assert len(cached) == 1


def test_what_is_wrong_is_told_before_any_work(
    tmp_path: Path, sources: Path, own_cache: Path
) -> None:
    with pytest.raises(UsageError, match=r"named \.png or \.svg, got .*numbers\.pdf"):
        suggest_k(str(sources / "blobs.npz"), plot=tmp_path / "numbers.pdf")
    (tmp_path / "mine.png").write_bytes(b"a picture")
    with pytest.raises(UsageError, match=r"mine\.png"):
        suggest_k(str(sources / "blobs.npz"), plot=tmp_path / "mine.png")
    assert not own_cache.exists()
    assert (
        suggest_k(str(sources / "blobs.npz"), plot=tmp_path / "mine.png", overwrite=True).n_clusters
        == 4
    )
    assert (tmp_path / "mine.png").read_bytes().startswith(b"\x89PNG")
