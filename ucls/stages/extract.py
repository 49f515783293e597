"""Stage ``extract``: images to feature caches."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ucls.backbones.families import family_of
from ucls.cache import (
    FeatureCache,
    FeatureCacheWriter,
    FeatureSpec,
    cache_directory,
    cache_file_name,
    partial_path,
)
from ucls.cache.features.catalog import describe_cache
from ucls.cache.features.later import caches_of, later_cache
from ucls.cache.features.parts import Span, remove_parts, remove_remains
from ucls.cache.features.resume import AlreadyFinishedError
from ucls.errors import UclsError, UnreadableError, UsageError
from ucls.extraction.cached_labels import labels_to_cache
from ucls.extraction.earlier_rows import EarlierRows
from ucls.extraction.same_images import OtherImagesError
from ucls.extraction.writing import Batching, write_features
from ucls.images.feature_files import BATCH_SIZE, FeatureArray
from ucls.images.sets import ImageSet
from ucls.progress import SILENT, Reporter
from ucls.runs.backbone import backbone_of
from ucls.runs.cache_spec import Images, check_cache, expected_spec, identity
from ucls.runs.features import Caches
from ucls.settings.config import ExtractConfig, required
from ucls.settings.extraction import is_untrained
from ucls.sources import Source
from ucls.stages.extract_parts import Parts, extract_in_parts, plan_spans, warm_up
from ucls.wording import count

if TYPE_CHECKING:
    from ucls.backbones.protocol import Backbone

MEANS_NOTHING = "this is a trial run, and its clusters mean nothing"


def extract(
    source: Source,
    extractions: Mapping[str, ExtractConfig],
    *,
    cache_dir: str | Path | None = None,
    device: str = "auto",
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Caches:
    """Extracts every split of ``source`` with every backbone, unless it is in the cache.

    Args:
        source: from :func:`ucls.sources.load_source`.
        extractions: from :func:`ucls.settings.extraction.resolve_extractions`.
        cache_dir: of the feature caches; see :func:`ucls.cache.cache_directory`.
        device: ``auto``, ``cpu`` or ``cuda[:i]``.
        overwrite: replace caches that were made of other images or with other settings.
        reporter: shown what happens.

    Returns:
        The cache of each split and backbone.

    Raises:
        MismatchError: if a cache was made with other settings, unless ``overwrite``.
        UsageError: if the source or the settings are wrong.
        UclsError: if the weights cannot be had, the disk is full, or a worker fails.
    """
    folder = cache_directory(Path(cache_dir) if cache_dir else None)
    for note in source.notes:
        reporter.say(f"note: {note}")
    caches: Caches = {split: {} for split in source.splits}
    for name, config in extractions.items():
        extraction = _Extraction(config, source, device, reporter)
        for split, images in source.splits.items():
            caches[split][name] = extraction.run(images, folder, overwrite=overwrite)
            if isinstance(images, FeatureArray):
                images.features.release()  # a run that holds its source would keep them to its end
        if is_untrained(config):
            reporter.warn(f"{name} is untrained (random weights); {MEANS_NOTHING}")
    return caches


class _Extraction:
    """The extraction of several splits with one backbone, built when first needed."""

    def __init__(
        self, config: ExtractConfig, source: Source, device: str, reporter: Reporter
    ) -> None:
        self.config, self.source, self.device, self.reporter = config, source, device, reporter
        self._backbones: dict[str | None, Backbone] = {}

    def run(self, images: Images, folder: Path, *, overwrite: bool) -> Path:
        first = folder / cache_file_name(identity(self.config, images), location=images.location)
        now = later_cache(first, images.fingerprint)
        refused = None
        for path in filter(Path.is_file, (now, first)):
            try:
                return self._use(path, images)
            except UnreadableError:  # which is no reason to replace it
                raise
            except UclsError as error:  # other images or settings, or damaged
                refused = refused or error
        known = caches_of(first)
        has_changed = known != [first] or isinstance(refused, OtherImagesError)
        target = now if first.is_file() else first
        try:
            if (
                has_changed
                and not target.is_file()
                and self._take_rows(target, images, known, overwrite=overwrite)
            ):
                return target
            if refused is not None and not overwrite:
                raise refused
            target = now if now.is_file() else first
            self._write(target, images, overwrite=overwrite)
        except AlreadyFinishedError:  # by another process, while this one waited
            self._use(target, images)
        return target

    def _use(self, path: Path, images: Images) -> Path:
        build = partial(self._backbone, images)
        check_cache(path, images, self.config, build=build)
        remove_remains(path)
        self.reporter.say(f"extract: {images.split} features are cached in {path}")
        return path

    def _take_rows(self, path: Path, images: Images, known: list[Path], *, overwrite: bool) -> bool:
        """Writes a cache of images some of which others have, and takes their rows of these.

        The others stay, for the runs that were made of them.

        Args:
            path: of the cache.
            images: as they are now.
            known: caches of the images of the same folder at other times, the latest first.
            overwrite: drop what is left of a stopped extraction with other settings.

        Returns:
            Whether it could, as one of them tells which have changed, and is by the same model.
        """
        for then in known:
            try:
                cache = FeatureCache(then)
            except UsageError:  # damaged, or gone by now
                continue
            with cache:
                earlier = EarlierRows.of(cache, images)
                if earlier is not None and self._fits(cache.spec, images):
                    kept = f"{then} stays, for runs that were made of it"
                    self.reporter.say(f"extract: {earlier}; {kept}")
                    self._write(path, images, overwrite=overwrite, earlier=earlier)
                    return True
        return False

    def _fits(self, spec: FeatureSpec, images: Images) -> bool:
        """Whether features of other images were made as these would be now."""
        made_now = expected_spec(self.config, images, self._backbone(images, spec.precision))
        like_now = ("fingerprint", "timm_version", "n_views")
        same = {name: getattr(made_now, name) for name in like_now}
        return spec.n_views >= made_now.n_views and replace(spec, **same) == made_now

    def _precision(self, path: Path) -> str | None:
        """What was asked for, else that of an unfinished extraction, also on another device."""
        if self.config.precision is not None or not partial_path(path).is_file():
            return self.config.precision
        begun = describe_cache(path)
        return begun.spec.precision if begun.spec is not None and begun.n_seen else None

    def _backbone(self, images: Images, precision: str | None) -> "Backbone | None":
        """Builds the backbone once for each precision; feature files need none."""
        if isinstance(images, FeatureArray):
            return None
        if precision not in self._backbones:
            if family_of(required(self.config.backbone)).has_weights:
                self.reporter.say(f"extract: loads backbone {self.config.backbone}")
            config = self.config.model_copy(update={"precision": precision})
            backbone = self._backbones[precision] = self._build(config)
            if note := getattr(backbone, "note", ""):
                self.reporter.say(f"note: backbone {self.config.backbone} {note}")
        return self._backbones[precision]

    def _build(self, config: ExtractConfig) -> "Backbone":
        from ucls.ranks import together

        def build(*, reporter: Reporter) -> "Backbone":
            return backbone_of(config, self.device)

        return together(warm_up, config, self.device, reporter=self.reporter, lead=build)

    def _write(
        self,
        path: Path,
        images: Images,
        *,
        overwrite: bool,
        earlier: EarlierRows | None = None,
    ) -> None:
        precision = self._precision(path) if earlier is None else earlier.spec.precision
        backbone = self._backbone(images, precision)
        spec = expected_spec(self.config, images, backbone)
        with FeatureCacheWriter(
            path,
            spec if earlier is None else replace(spec, n_views=earlier.spec.n_views),
            len(images),
            provenance=self._provenance(images, backbone),
            overwrite=overwrite,
        ) as writer:
            if writer.n_seen:
                self.reporter.say(f"extract: {images.split} resumes at image {writer.n_seen:,}")
            self._write_rows(writer, images, backbone, earlier, overwrite=overwrite)
            labels, class_names = labels_to_cache(images)
            if labels is not None:
                writer.write_labels(labels, class_names)
            if isinstance(images, ImageSet) and images.stamps is not None:
                writer.write_stamps(images.stamps)
            writer.finish()
            remove_parts(path)
            n_skipped = writer.n_skipped
        kept = f"{len(images) - n_skipped:,} of {count(len(images), 'image')}"
        self.reporter.say(f"extract: {images.split} features of {kept} in {path}")

    def _write_rows(
        self,
        writer: FeatureCacheWriter,
        images: Images,
        backbone: "Backbone | None",
        earlier: EarlierRows | None,
        *,
        overwrite: bool,
    ) -> None:
        begun = writer.provenance.get("batch_size") or self._batch_size(backbone)
        batch_size, n_images = self.config.batch_size or begun, len(images)
        batching = Batching(batch_size, self.config.workers or 0, self.config.strict)
        spans = [Span(0, n_images)]
        # What takes no model, or only a few images, is not worth sharing.
        is_shared = isinstance(images, ImageSet) and earlier is None
        if is_shared:
            spans = plan_spans(writer.path, n_images, begun=writer.n_seen, batch_size=batch_size)
        if isinstance(images, ImageSet) and backbone is not None and len(spans) > 1:
            parts = Parts(
                writer.path,
                spans[1:],
                images,
                writer.spec,
                self.config,
                self.device,
                batching,
                writer.provenance,
                overwrite,
            )
            remarks = extract_in_parts(
                parts, writer, backbone, own=spans[0], reporter=self.reporter
            )
        else:
            name, done = f"extract {images.split}", writer.n_seen
            with self.reporter.track(name, n_images, "images", done=done) as advance:
                remarks = write_features(
                    writer,
                    images,
                    backbone,
                    batching=batching,
                    span=spans[0],
                    earlier=earlier,
                    advance=advance,
                )
        tell_stretched(remarks.n_stretched, self.reporter)
        tell_plain(remarks.n_plain, self.reporter)

    def _provenance(self, images: Images, backbone: "Backbone | None") -> dict[str, Any]:
        """What it takes to extract these features again."""
        return {
            "source": images.location or images.name,
            "data_dir": self.source.arguments.get("data_dir"),
            "array": self.source.arguments.get("array"),
            # A folder or file of validation images, opened alone, has only one split.
            "split": "train" if images.location else images.split,
            "weights": next(iter(self.config.weights), None),
            "batch_size": self._batch_size(backbone),
        }

    def _batch_size(self, backbone: "Backbone | None") -> int:
        """What was asked for, else what fits."""
        from ucls.extraction.batch_size import fitting_batch_size

        if self.config.batch_size is not None:
            return self.config.batch_size
        return BATCH_SIZE if backbone is None else fitting_batch_size(backbone)


def tell_plain(n_images: int, reporter: Reporter) -> None:
    """Says of how many images nothing or all stands out."""
    if n_images:
        reporter.say(
            f"note: in {count(n_images, 'image')} nothing or all stands out from the rest, so that "
            "all patches count as foreground"
        )


def tell_stretched(n_images: int, reporter: Reporter) -> None:
    """Says of how many images black and white were chosen, not known."""
    if n_images:
        reporter.say(
            f"note: the values of {count(n_images, 'image')} have no known range (floats or 32 "
            "bits): 0 to 1 is taken as it is, others go from their least to their largest"
        )
