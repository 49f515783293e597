"""What a run would do and take, without doing it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ucls.backbones.families import family_of
from ucls.backbones.names import RANDOM_WEIGHTS
from ucls.cache import FeatureSpec, cache_directory
from ucls.config import Config
from ucls.ensemble.available_memory import available_memory
from ucls.errors import UsageError
from ucls.images.sets import ImageSet
from ucls.machine import count_cores
from ucls.progress import SILENT, Reporter
from ucls.runs.backbone import backbone_of
from ucls.runs.cache_spec import expected_spec
from ucls.runs.features import Classes
from ucls.runs.resolve import ExtractedData, check_n_clusters, feature_width, resolve
from ucls.settings.config import ExtractConfig, required
from ucls.settings.extraction import resolve_extractions
from ucls.sources import GivenSource, Source, open_source
from ucls.wording import count

if TYPE_CHECKING:
    from ucls.backbones.protocol import Backbone
    from ucls.planning.measured import Measured
    from ucls.planning.scale import Scale
    from ucls.planning.stages import StagePlan

NAMED_PATHS = 1000


class Plan(NamedTuple):
    """What a run would do.

    Attributes:
        stages: in order.
        measured_on: this machine.
        n_images: N.
        n_clusters: C.
        n_processes: one on each machine.
    """

    stages: "list[StagePlan]"
    measured_on: str
    n_images: int
    n_clusters: int
    n_processes: int


def plan(
    source: GivenSource,
    *,
    n_images: int | None = None,
    n_processes: int = 1,
    config: Config | None = None,
    cache_dir: str | Path | None = None,
    reporter: Reporter = SILENT,
) -> Plan:
    """Plans every stage of a run: what it would do, and its time, memory and disk.

    A few steps of each are measured here and carried on as the stages grow. Nothing is written but
    a temporary file beside the feature caches, by which their disk is measured. Networks whose
    weights are not given have random ones, which take as long and need no download.

    Args:
        source: what to cluster, see :func:`ucls.sources.load_source`.
        n_images: images to plan for that are like these; None for as many as there are.
        n_processes: machines like this one, with a process of torchrun each.
        config: settings, as for :func:`ucls.pipeline.run`; None for the defaults.
        cache_dir: of the feature caches.
        reporter: shown what happens.

    Raises:
        UsageError: if the source or the settings are wrong, the number of clusters is not known, or
            there are more of them than images.
    """
    from ucls.devices import resolve_device
    from ucls.planning.stages import plan_stages

    opened, config = open_source(source), config or Config()
    n_images = opened.n_images if n_images is None else n_images
    if n_images < 1 or n_processes < 1:
        raise UsageError(
            f"expected one image and one machine at least, got {n_images} and {n_processes}"
        )
    n_known = config.n_clusters or opened.n_classes
    if n_known is None:
        raise UsageError("a plan needs to know how many clusters there will be: pass -k NUMBER")
    check_n_clusters(n_known, n_images)
    device = resolve_device(config.device)
    sized = _Sized.of(opened, config, n_images)
    requested, data = config, sized.data
    if config.time_limit is not None:
        from ucls.runs.time_limit import fitting_effort

        effort = fitting_effort(requested, data, elapsed=0.0, reporter=reporter)
        data = data.model_copy(update={"effort": effort})
    config = resolve(requested, data)
    scale = sized.scale(config, n_processes)
    measured = _measure(sized, scale, data, cache_dir=cache_dir, reporter=reporter)
    return Plan(plan_stages(scale, measured), machine(device.type), n_images, n_known, n_processes)


def machine(device: str) -> str:
    """This machine, in words: its cores, and its GPU where that is the device."""
    import torch

    cores = count(count_cores(), "core")
    return cores if device == "cpu" else f"{cores} and one {torch.cuda.get_device_name()}"


class _Sized(NamedTuple):
    """A source of which there are so many images, and what extraction would find."""

    source: Source
    data: ExtractedData
    backbones: "tuple[Backbone, ...]"
    specs: Mapping[str, FeatureSpec]

    @classmethod
    def of(cls, source: Source, config: Config, n_images: int) -> "_Sized":
        from ucls.devices import fast_precision, resolve_device

        images, device = source.splits["train"], resolve_device(config.device)
        extractions = resolve_extractions(config, source)
        backbones: dict[str, Backbone] = {}
        if isinstance(images, ImageSet):
            backbones = {
                name: backbone_of(_without_download(one), config.device)
                for name, one in extractions.items()
            }
        specs = {
            name: expected_spec(one, images, backbones.get(name))
            for name, one in extractions.items()
        }
        data = ExtractedData(
            n_images=n_images,
            n_classes=source.n_classes,
            widths={
                name: {features: spec.width(features) for features in spec.feature_sets}
                for name, spec in specs.items()
            },
            extractions=extractions,
            device=device.type,
            fast_precision=fast_precision(device),
            caches={},
            classes=Classes(source.classes, source.class_map),
            cache_key="",
            weights_hashes={name: spec.weights_hash for name, spec in specs.items()},
            n_views=max(spec.n_views for spec in specs.values()),
            labels_key=None,
        )
        return cls(source, data, tuple(backbones.values()), specs)

    def scale(self, config: Config, n_processes: int) -> "Scale":
        """How large the run is."""
        import numpy as np

        from ucls.planning.scale import Scale

        paths = self.source.splits["train"].paths[:NAMED_PATHS]
        specs = list(self.specs.values())
        itemsizes = (np.dtype(spec.dtype).itemsize for spec in specs)
        width = feature_width(required(config.features), self.data)
        return Scale(
            config=config,
            n_images=self.data.n_images,
            n_processes=n_processes,
            width=width,
            cached=sum(spec.bytes_per_image for spec in specs),
            itemsize=max(itemsizes) if len(specs) == 1 else 4,
            tokens=_tokens(config, specs, width),
            path_length=sum(map(len, paths)) / len(paths),
            backbones=tuple(self.specs) if self.backbones else (),
            workers=max(one.workers or 0 for one in self.data.extractions.values()),
            device="cuda" if self.data.device == "cuda" else "cpu",
            free=available_memory(),
        )


def _without_download(config: ExtractConfig) -> ExtractConfig:
    """Random weights where none are given."""
    if config.weights or not family_of(required(config.backbone)).has_weights:
        return config
    return config.model_copy(update={"weights": (RANDOM_WEIGHTS,)})


def _tokens(config: Config, specs: list[FeatureSpec], width: int) -> dict[str, slice]:
    """The columns of each kind of features that self-training takes."""
    from ucls.stages.self_train import token_columns

    features = required(config.features)
    if config.self_train.inputs == "heads":
        scales = required(config.train.scales)
        n_outputs = round(sum(scales) * required(config.n_clusters))
        return {"heads": slice(0, required(config.train.n_heads) * n_outputs)}
    return {features: slice(0, width)} if len(specs) > 1 else token_columns(specs[0], features)


def _measure(
    sized: _Sized,
    scale: "Scale",
    data: ExtractedData,
    *,
    cache_dir: str | Path | None,
    reporter: Reporter,
) -> "Measured":
    from ucls.malloc import freed_memory_kept
    from ucls.planning import measuring
    from ucls.planning.measured import Measured
    from ucls.runs.time_limit import measured_step

    images, decode, forward = sized.source.splits["train"], 0.0, 0.0
    folder = cache_directory(Path(cache_dir) if cache_dir else None)
    with freed_memory_kept(), reporter.track("measure", 7, "steps") as advance:
        if isinstance(images, ImageSet):
            decode, forward = measuring.measure_extraction(
                images, sized.backbones, n_augmented=data.n_views - 1
            )
        advance(1)
        written = measuring.measure_writing(folder)
        advance(1)
        pair, approximate = measuring.measure_search(scale)
        advance(1)
        step = measured_step(scale.config, data)
        advance(1)
        iteration, labelling = measuring.measure_self_training(scale)
        advance(1)
        merge, ensemble = measuring.measure_consensus(scale)
        advance(1)
        restart, assigning = measuring.measure_kmeans(scale)
        advance(1)
    return Measured(
        decode, forward, written, pair, approximate, step, iteration, labelling,
        merge, ensemble, restart, assigning,
    )  # fmt: skip
