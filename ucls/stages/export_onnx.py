"""A run's backbone and classifier as one ONNX file, for programs without torch."""

import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.backbones.families import family_of
from ucls.backbones.names import UNTRAINED
from ucls.cache import FOREGROUND, check_output
from ucls.cache.files import made_folder, publish, temporary_path, write_errors
from ucls.errors import UclsError, UsageError
from ucls.feature_sets import parse_features
from ucls.images.files import UnreadableImageError
from ucls.progress import SILENT, Reporter
from ucls.runs.catalog import run_files
from ucls.runs.classifier import Classifier, load_classifier
from ucls.runs.new_features import backbone_as_trained
from ucls.runs.opening import open_run
from ucls.runs.pictures import Pictures
from ucls.runs.run import Run
from ucls.settings.config import required
from ucls.settings.extraction import with_weights

if TYPE_CHECKING:
    from ucls.backbones.protocol import Backbone
    from ucls.runs.onnx_model import Labeller, ModelInput

LARGE = 1_500_000_000
"""Bytes of weights from which on they lie in a file of their own, as torch's exporter has it: a
single file ends at 2 GB."""
N_CHECKED = 8
TOLERANCE = 0.01
"""Of probabilities; the features are rounded to half precision, and may be so the other way."""
PRODUCER = "ucls"


class ExportedOnnx(NamedTuple):
    """What was written."""

    n_clusters: int
    difference: float
    """The largest between a probability by torch and by onnxruntime."""
    n_checked: int
    checked_on: str
    """What they were compared on: images, features or noise."""
    weights_file: Path | None
    """Where the weights are, if not in the file itself."""
    is_untrained: bool
    """Whether the backbone has random weights."""


def export_onnx(
    path: str | Path,
    *,
    out: Path,
    weights: Sequence[str] = (),
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> ExportedOnnx:
    """Writes the network that labels new images, and compares it with torch on the run's own.

    Its input is what the backbone sees: pictures of one size, uint8 [batch, channels, H, W], or
    features of a run on a feature file, float32 [batch, D]. Its outputs are ``probabilities``,
    float32 [batch, C], and ``labels``, int64 [batch]. How to resize and crop a picture, and the
    names of the clusters, stand in its metadata under ``ucls.``.

    Args:
        path: the run folder.
        out: the file, in ``.onnx``; weights from 1.5 GB on lie beside it in ``.onnx.data``.
        weights: where the weights of the backbone are now, as in ``extract.weights``.
        overwrite: replace a file at ``out`` that is no earlier export.
        reporter: shown what happens.

    Raises:
        UsageError: if the run cannot be exported so, a package is missing, or ``out`` may not be
            written.
        UclsError: if the run is not labelled yet, the results differ from torch's, or the disk
            does not take it.
    """
    if out.suffix.lower() != ".onnx":
        raise UsageError(f"expected a file ending in .onnx, got {out}: name it so")
    onnx, runtime, _ = (_package(name) for name in ("onnx", "onnxruntime", "onnxscript"))
    run = open_run(path, after="self-train", reporter=reporter)
    classifier = load_classifier(run.folder, corrected=True)
    numbers, names = classifier.share_numbers, _cluster_names(run, classifier)
    feature_set, backbone_name = _single_part(run, classifier)
    data_file = out.with_name(f"{out.name}.data")
    for file in (out, data_file):
        check_output(
            file,
            is_own=lambda _: _is_own(onnx, out),
            overwrite=overwrite,
            protected=run.inputs(),
            reserved=run_files(),
        )
    backbone = _build(run, backbone_name, weights)
    from ucls.runs.onnx_model import Labeller, input_of, metadata

    labeller = Labeller(classifier, feature_set, backbone).eval()
    model_input = input_of(backbone, run.data.widths[backbone_name].get("cls", 0))
    told = metadata(model_input.facts, numbers=numbers, names=names, feature_set=feature_set)
    samples, checked_on = _samples(run, backbone)
    with _folder_beside(out) as folder:
        written = folder / out.name
        by_torch = _by_torch(classifier, feature_set, backbone, samples)
        with _onnx_errors():
            _write(labeller, model_input, told, written)
            by_runtime = _by_runtime(runtime, written, samples, numbers)
        difference = _difference(by_runtime, by_torch)
        has_data = written.with_name(data_file.name).is_file()
        for file in (data_file, out) if has_data else (out,):
            publish(written.with_name(file.name), file)
        if not has_data:
            data_file.unlink(missing_ok=True)
    return ExportedOnnx(
        n_clusters=len(names),
        difference=difference,
        n_checked=len(samples),
        checked_on=checked_on,
        weights_file=data_file if has_data else None,
        is_untrained=backbone is not None and backbone.spec.name.endswith(UNTRAINED),
    )


@contextmanager
def _folder_beside(out: Path) -> Iterator[Path]:
    """A folder for files that name each other, to be moved once they are whole."""
    folder = temporary_path(out)
    with write_errors(out), made_folder(out.parent):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _onnx_errors() -> Iterator[None]:
    try:
        yield
    except (UclsError, OSError, MemoryError):
        raise
    except Exception as error:  # exporter and runtime have errors of many kinds
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UclsError(
            f"this network cannot be had as ONNX ({reason}); nothing was written: for new images "
            "use `ucls predict`"
        ) from error


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise UsageError(f"ONNX needs the package {name}: pip install 'ucls[export]'") from error


def _cluster_names(run: Run, classifier: Classifier) -> list[str]:
    if not classifier.knows_anything:
        raise UsageError(
            f"all heads of {run.folder.path} have collapsed, so its classifier knows nothing: "
            "train it again with other settings"
        )
    return [
        "wrong" if number < 0 else classifier.name_of(number) or str(number)
        for number in classifier.share_numbers
    ]


def _single_part(run: Run, classifier: Classifier) -> tuple[str, str]:
    """The tokens that the classifier takes, and the only backbone that they come from."""
    first, *others = parse_features(classifier.feature_set)
    if others:
        raise UsageError(
            f"the classifier of {run.folder.path} takes features of {1 + len(others)} backbones "
            "side by side, each of which sees pictures of its own size; ONNX takes runs of one "
            "backbone: for new images use `ucls predict`"
        )
    return first.feature_set, first.backbone or next(iter(run.data.extractions))


def _build(run: Run, name: str, weights: Sequence[str]) -> "Backbone | None":
    config = with_weights(run.data.extractions, weights)[name]
    if name == "features":
        return None
    if not family_of(name).is_torch:
        raise UsageError(
            f"backbone {name} is an ONNX file already, which cannot become part of another one: "
            "for new images use `ucls predict`"
        )
    if required(config.backbone).endswith(FOREGROUND):
        raise UsageError(
            f"the classifier takes the foreground's patches of {name}, which are found by "
            "eigenvectors, and these ONNX cannot compute: for new images use `ucls predict`"
        )
    whole = config.model_copy(update={"precision": "float32"})
    return backbone_as_trained(run, name, whole, device="cpu")


def _is_own(onnx: Any, path: Path) -> bool:
    with suppress(Exception):  # whatever protobuf raises of bytes that are something else
        model = onnx.load(path, load_external_data=False)
        return bool(model.producer_name == PRODUCER)
    return False


def _samples(run: Run, backbone: "Backbone | None") -> tuple[NDArray[Any], str]:
    """A few inputs, [n, ...], and what they are."""
    if backbone is None:
        with run.features("train") as cache:
            features = cache.read("cls")
        return features[_spread(len(features))], "features"
    pictures = Pictures.of(run, "train")
    found = []
    rows = np.flatnonzero(pictures.numbers >= 0)
    for row in rows[_spread(len(rows))]:
        with suppress(UnreadableImageError):
            found.append(backbone.preprocess(pictures.read(int(row))).numpy())
    if found:
        return np.stack(found), "images"
    reason = pictures.reason or "none of the run's images can be read any more"
    run.reporter.warn(f"export: the model is compared on noise, since {reason}")
    size = backbone.spec.image_size
    shape = (size, size) if isinstance(size, int) else size
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 256, (N_CHECKED, backbone.spec.channels, *shape), np.uint8)
    return noise, "noise"


def _spread(n_rows: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, n_rows - 1, N_CHECKED).astype(np.int64))


def _write(labeller: "Labeller", takes: "ModelInput", told: dict[str, str], path: Path) -> None:
    import torch

    from ucls.runs.onnx_model import OUTPUTS

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of what the exporter deprecates in itself
        program: Any = torch.onnx.export(
            labeller,
            (takes.example,),
            input_names=[takes.name],
            output_names=list(OUTPUTS),
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            verbose=False,
        )
    program.model.producer_name = PRODUCER
    program.model.metadata_props.update(told)
    n_bytes = sum(value.const_value.nbytes for value in program.model.graph.initializers.values())
    program.save(path, external_data=n_bytes > LARGE)


def _by_torch(
    classifier: Classifier,
    feature_set: str,
    backbone: "Backbone | None",
    samples: NDArray[Any],
) -> NDArray[np.float32]:
    """The probabilities [n, C] that the run itself gives."""
    import torch

    from ucls.extraction.tokens import select_tokens

    features = samples
    if backbone is not None:
        tokens = backbone.encode(torch.from_numpy(samples))
        means = None if tokens.patch_mean is None else tokens.patch_mean.numpy()
        features = select_tokens(tokens.cls.numpy(), means, feature_set)
        features = features.astype(np.float16).astype(np.float32)
    return np.concatenate(list(classifier.shares(features)))


def _by_runtime(
    runtime: Any, path: Path, samples: NDArray[Any], numbers: list[int]
) -> NDArray[np.float32]:
    """The probabilities [n, C] that the file gives, the first ones again in a batch of one."""
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (takes,) = session.get_inputs()
    alone, _ = session.run(None, {takes.name: samples[:1]})
    together, labels = session.run(None, {takes.name: samples})
    if (labels != np.array(numbers)[together.argmax(axis=1)]).any():
        raise ValueError("its labels are not those with the largest probabilities")
    return np.concatenate([together, alone])


def _difference(by_runtime: NDArray[np.float32], by_torch: NDArray[np.float32]) -> float:
    """The largest of a probability; the inputs of one batch come first, then its first again.

    Raises:
        UclsError: if it is more than rounding explains.
    """
    expected = np.concatenate([by_torch, by_torch[:1]])
    difference = float(np.abs(by_runtime - expected).max())
    if not difference <= TOLERANCE:
        raise UclsError(
            f"onnxruntime gives other results than torch: a probability differs by "
            f"{difference:.2g}, more than {TOLERANCE}; nothing was written: for new images use "
            "`ucls predict`, and report the backbone"
        )
    return difference
