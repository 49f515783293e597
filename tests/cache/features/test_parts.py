from pathlib import Path

import pytest
from cache_samples import (
    BROKEN,
    CLS,
    LABELS,
    N_IMAGES,
    NAMES,
    PATCH_MEAN,
    SPEC,
    content,
    write_whole,
)

from ucls.cache import FeatureCacheWriter, list_caches, partial_path, remove_cache
from ucls.cache.features.parts import (
    Span,
    append_part,
    part_files,
    part_path,
    read_plan,
    remove_parts,
    split_images,
    write_plan,
)

NAME = "sample-train-vit_small-224-00000000.h5"


@pytest.mark.parametrize("n_parts", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("begun", [0, 5, 90])
@pytest.mark.parametrize("batch_size", [1, 8, 64])
def test_parts_are_whole_batches_and_as_even_as_can_be(
    n_parts: int, begun: int, batch_size: int
) -> None:
    spans = split_images(100, n_parts, begun=begun, batch_size=batch_size)
    assert [image for span in spans for image in range(*span)] == list(range(100))
    assert all(span.start % batch_size == 0 and len(span) for span in spans)
    left = [len(range(max(span.start, begun), span.stop)) for span in spans]
    assert len(spans) <= n_parts
    assert max(left) - min(left) < 2 * batch_size


def write_part(path: Path, span: Span, *, stop: int | None = None) -> int:
    """Writes or resumes a part, up to some image; returns where it started."""
    with FeatureCacheWriter(part_path(path, span), SPEC, len(span)) as writer:
        begun = span.start + writer.n_seen
        for image in range(begun, stop or span.stop):
            if image in BROKEN:
                writer.skip(NAMES[image], f"broken {image}")
            else:
                one = slice(image, image + 1)
                writer.append(CLS[:, one], PATCH_MEAN[:, one], NAMES[one])
        if stop is None:
            writer.keep()
    return begun


def join(path: Path, spans: list[Span], *, stop_after: int | None = None) -> None:
    with FeatureCacheWriter(path, SPEC, N_IMAGES) as writer:
        for number, span in enumerate(spans):
            if number == stop_after:
                return
            if writer.n_seen < span.stop:
                append_part(writer, span)
        writer.write_labels(LABELS, ["ant", "bee", "cat"])
        writer.finish()


@pytest.mark.parametrize("stop_after", [None, 1, 2])
def test_parts_make_the_file_of_one_writer(tmp_path: Path, stop_after: int | None) -> None:
    spans = [Span(0, 701), Span(701, 702), Span(702, 2400), Span(2400, N_IMAGES)]
    path = tmp_path / NAME
    assert write_part(path, spans[2], stop=2000) == 702
    assert write_part(path, spans[2]) > 702  # goes on with what was committed
    for span in spans:
        write_part(path, span)
    if stop_after is not None:
        join(path, spans, stop_after=stop_after)
    join(path, spans)
    write_whole(tmp_path / "whole.h5")
    assert content(path) == content(tmp_path / "whole.h5")


def test_a_plan_is_found_again_unless_it_is_of_others(tmp_path: Path) -> None:
    path, spans = tmp_path / NAME, [Span(0, 64), Span(64, 100)]
    assert read_plan(path, n_images=100, batch_size=8) == []
    write_plan(path, spans, n_images=100, batch_size=8)
    assert read_plan(path, n_images=100, batch_size=8) == spans
    assert (
        read_plan(path, n_images=101, batch_size=8)
        == read_plan(path, n_images=100, batch_size=4)
        == []
    )


def test_parts_are_removed_with_the_cache_and_are_none_themselves(tmp_path: Path) -> None:
    path, span = tmp_path / NAME, Span(1000, N_IMAGES)
    write_plan(path, [Span(0, 1000), span], n_images=N_IMAGES, batch_size=8)
    with FeatureCacheWriter(path, SPEC, N_IMAGES):
        pass
    write_part(path, span, stop=2300)
    (entry,) = list_caches(tmp_path)
    part = partial_path(part_path(path, span))
    assert (entry.path, entry.n_seen) == (path, 0)
    assert entry.n_bytes > partial_path(path).stat().st_size + part.stat().st_size
    assert remove_cache(path) == entry.n_bytes
    assert list(tmp_path.iterdir()) == []


def test_a_new_plan_removes_earlier_parts(tmp_path: Path) -> None:
    path, span = tmp_path / NAME, Span(1000, N_IMAGES)
    write_part(path, span, stop=2300)
    write_plan(path, [Span(0, 500), Span(500, N_IMAGES)], n_images=N_IMAGES, batch_size=8)
    assert part_files(path) == [path.with_name(f"{NAME}.parts")]
    remove_parts(path)
    assert part_files(path) == []
