"""Extraction shared by several processes: each writes a part of the cache, the first joins them.

The first writes its part into the cache itself, and holds its lock. Parts are kept until the cache
is whole, so that any number of processes goes on with them.
"""

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ucls.cache import FeatureCacheWriter, FeatureSpec, partial_path
from ucls.cache.features.catalog import describe_cache
from ucls.cache.features.parts import (
    Span,
    append_part,
    part_path,
    read_plan,
    split_images,
    write_plan,
)
from ucls.cache.features.resume import check_space
from ucls.errors import MismatchError
from ucls.extraction.remarks import Remarks
from ucls.extraction.writing import Batching, write_features
from ucls.images.seen import check_seen
from ucls.images.sets import ImageSet
from ucls.progress import Advance, Reporter, ignore_progress
from ucls.runs.backbone import backbone_of
from ucls.settings.config import ExtractConfig
from ucls.wording import count

if TYPE_CHECKING:
    from ucls.backbones.protocol import Backbone


@dataclass(frozen=True)
class Parts:
    """The parts that other processes write. Can be sent to them.

    Attributes:
        path: of the cache.
        spans: the images of each.
        images: the whole set.
        spec: of the cache.
        config: of the extraction.
        device: ``auto``, ``cpu`` or ``cuda[:i]``.
        batching: of the whole set.
        provenance: of the cache.
        overwrite: whether parts that were made with other settings are replaced.
    """

    path: Path
    spans: Sequence[Span]
    images: ImageSet
    spec: FeatureSpec
    config: ExtractConfig
    device: str
    batching: Batching
    provenance: dict[str, Any]
    overwrite: bool

    @property
    def n_seen(self) -> int:
        """Images that are done, by earlier processes."""
        begun = self._files(are_begun=True)
        return sum(describe_cache(part_path(self.path, span)).n_seen for span in begun)

    def check_space(self) -> None:
        """Checks that all that are not begun fit on the disk, beside the cache.

        Raises:
            UclsError: if they do not.
        """
        n_images = sum(map(len, self._files(are_begun=False)))
        check_space(self.path.parent, self.spec, n_images)

    def write_own(self, find_backbone: "Callable[[], Backbone]", advance: Advance) -> Remarks:
        """Writes the parts of this process, and counts what is to be said of their images.

        Args:
            find_backbone: called if there are any.
            advance: told of each batch.
        """
        from ucls.ranks import rank, world_size

        own = [span for i, span in enumerate(self.spans, 1) if i % world_size() == rank()]
        if not own:
            return Remarks()
        backbone = find_backbone()
        return sum((self._write(span, backbone, advance) for span in own), Remarks())

    def _files(self, *, are_begun: bool) -> list[Span]:
        return [
            span
            for span in self.spans
            if partial_path(part_path(self.path, span)).is_file() == are_begun
        ]

    def _write(self, span: Span, backbone: "Backbone", advance: Advance) -> Remarks:
        with FeatureCacheWriter(
            part_path(self.path, span),
            self.spec,
            len(span),
            provenance=self.provenance,
            overwrite=self.overwrite,
        ) as writer:
            remarks = write_features(
                writer,
                self.images,
                backbone,
                batching=self.batching,
                span=span,
                advance=advance,
            )
            writer.keep()
        return remarks


def warm_up(config: ExtractConfig, device: str, *, reporter: Reporter) -> "Backbone":
    """Builds a backbone once, so that all that it takes is imported when there is work."""
    return backbone_of(config, device)


def plan_spans(path: Path, n_images: int, *, begun: int, batch_size: int) -> list[Span]:
    """The images of each part of a cache, those of the first among them; one is for one process.

    What was begun before goes on as it was divided then.
    """
    from ucls.ranks import n_processes

    if spans := read_plan(path, n_images=n_images, batch_size=batch_size):
        return spans
    spans = split_images(n_images, n_processes(), begun=begun, batch_size=batch_size)
    if len(spans) > 1:
        write_plan(path, spans, n_images=n_images, batch_size=batch_size)
    return spans


def extract_in_parts(
    parts: Parts,
    writer: FeatureCacheWriter,
    backbone: "Backbone",
    *,
    own: Span,
    reporter: Reporter,
) -> Remarks:
    """Extracts all images into a cache, in all processes of a job.

    Args:
        parts: of the others.
        writer: of the cache.
        backbone: of the first process.
        own: the images that come before those of the parts.
        reporter: shown how far it is.

    Returns:
        What is to be said of the images, in all processes.

    Raises:
        UclsError: if the disk is too small.
    """
    from ucls.ranks import n_processes, together

    parts.check_space()
    if (n_idle := n_processes() - 1 - len(parts.spans)) > 0:
        reporter.say(
            f"note: {n_idle} of {n_processes()} processes have nothing to extract, as the images "
            f"are divided into {count(1 + len(parts.spans), 'part')}"
        )
    lead = partial(_lead, parts, writer, backbone, own)
    remarks = together(_help, parts, reporter=reporter, lead=lead)
    for span in parts.spans:
        if writer.n_seen < span.stop:
            append_part(writer, span)
    return remarks


def _lead(
    parts: Parts,
    writer: FeatureCacheWriter,
    backbone: "Backbone",
    own: Span,
    *,
    reporter: Reporter,
) -> Remarks:
    """What the first process does; returns the counts of all."""
    from ucls.ranks import for_all, world_size

    split, total = parts.images.split, len(parts.images)
    done = min(writer.n_seen, own.stop) + parts.n_seen
    with reporter.track(f"extract {split}", total, "images", done=done) as advance:
        for_each = for_all(advance, world_size())
        remarks = Remarks()
        if writer.n_seen < own.stop:
            remarks = write_features(
                writer,
                parts.images,
                backbone,
                batching=parts.batching,
                span=own,
                advance=for_each,
            )
        return _sum_of_all(remarks + parts.write_own(lambda: backbone, for_each))


def _help(parts: Parts, *, reporter: Reporter) -> Remarks:
    """What the others do."""
    check_seen(parts.images)
    return _sum_of_all(parts.write_own(partial(_same_backbone, parts), ignore_progress))


def _sum_of_all(remarks: Remarks) -> Remarks:
    from ucls.ranks import everywhere

    return sum(everywhere(remarks), Remarks())


def _same_backbone(parts: Parts) -> "Backbone":
    config = parts.config.model_copy(update={"precision": parts.spec.precision})
    backbone = backbone_of(config, parts.device)
    if backbone.spec.weights_hash != parts.spec.weights_hash:
        raise MismatchError(
            f"machine {platform.node()} has other weights of {parts.spec.backbone} than the first "
            "one: give the same to all with --weights"
        )
    return backbone
