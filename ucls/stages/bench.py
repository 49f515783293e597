"""UCLS beside other methods on the same features of a source."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ucls.cache import read_graph
from ucls.cache import run_files as files
from ucls.config import Config
from ucls.errors import UclsError
from ucls.merging.links import nearest_edges
from ucls.metrics.scores import nmi
from ucls.peers.algorithms import HAS_LEIDEN
from ucls.peers.figures import Figures, cut_share, label_figures, size_figures
from ucls.peers.forms import UCLS
from ucls.peers.methods import WITHOUT_LEIDEN, Found, Subject, choose, find_clusters
from ucls.peers.record import BenchRecord
from ucls.progress import SILENT, Reporter
from ucls.runs.labels import known_labels
from ucls.runs.run import Run
from ucls.sources import GivenSource, open_source
from ucls.stages.neighbors import neighbors
from ucls.stages.start import start


class Bench(NamedTuple):
    """What each method reached."""

    path: Path
    """The run folder."""
    n_clusters: int
    figures: dict[str, Figures]
    """By method: ``ACC``, ``class ACC`` and ``NMI`` where labels are known; ``NMI to ucls``, the
    agreement with the consensus of UCLS, where that was asked for; ``clusters`` that hold images,
    images of the ``largest`` and the ``smallest``; ``links cut``, the share of the links between
    neighbours whose ends lie in different clusters; and ``s``, seconds from features to clusters.
    """
    left_out: dict[str, str]
    """Methods that could not cluster these features, each with the reason."""


def bench(
    source: GivenSource,
    *,
    out: str | Path | None = None,
    config: Config | None = None,
    methods: Collection[str] | None = None,
    cache_dir: str | Path | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Bench:
    """Clusters the training images of a source by several methods.

    Needs nothing; leaves a run folder with features, neighbours, ``bench.json`` and
    ``bench.safetensors``, in which the same call goes on where it was stopped. Labels are opened
    to measure only.

    Args:
        source: see :func:`ucls.pipeline.run`.
        out: the run folder; None for ``runs/NAME-bench``.
        config: settings; each form of UCLS replaces some.
        methods: some of :data:`ucls.peers.methods.METHODS`; None for all.
        cache_dir: of the feature caches.
        overwrite: replace what was made with other settings, and forget what was found.
        reporter: shown what happens.

    Raises:
        MismatchError: if the folder or a cache holds something made with other settings.
        UsageError: if the source, the settings or a method's name are wrong.
        UclsError: if no method can cluster the features.
    """
    chosen = choose(methods)
    opened = open_source(source)
    path = start(
        opened,
        out=out or Path("runs") / f"{opened.name}-bench",
        config=config,
        cache_dir=cache_dir,
        overwrite=overwrite,
        reporter=reporter,
    ).folder.path
    if methods is None and not HAS_LEIDEN:
        reporter.say(f"bench: {WITHOUT_LEIDEN}")
    neighbors(path, reporter=reporter)
    run = Run(path)
    with run.folder.lock():
        record = BenchRecord(run, overwrite=overwrite)
        left_out = _fill(record, chosen, run, reporter)
    found = {name: record.found[name] for name in chosen if name not in left_out}
    if not found:
        raise UclsError("; ".join(map(": ".join, left_out.items())))
    return Bench(path, run.n_clusters, _figures(found, run), left_out)


def _fill(
    record: BenchRecord, methods: Collection[str], run: Run, reporter: Reporter
) -> dict[str, str]:
    """Lets the methods cluster that have not yet; returns those that cannot, and why."""
    todo = [name for name in methods if name not in record.found]
    if len(todo) < len(methods):
        reporter.say(f"bench: {len(methods) - len(todo)} of {len(methods)} methods are done before")
    if not todo:
        return {}
    with run.features("train") as cache:
        features = cache.read(run.feature_set).astype(np.float32)
    subject = Subject(features, run.n_clusters, run.config.seed, run.requested, run.data)
    left_out = {}
    for place, name in enumerate(todo, 1):
        reporter.say(f"bench: {name} ({place} of {len(todo)})")
        try:
            found = find_clusters(name, subject, reporter=reporter)
        except UclsError as error:
            left_out[name] = str(error)
            reporter.warn(f"bench: {name} is left out: {error}")
            continue
        record.add(name, found)
        reporter.say(f"bench: {name} took {found.seconds:.1f} s")
    return left_out


def _figures(found: Mapping[str, Found], run: Run) -> dict[str, Figures]:
    labels, consensus = known_labels(run).get("train"), found.get(UCLS)
    edges = nearest_edges(read_graph(run.folder.file(files.NEIGHBORS)))
    return {
        name: {
            **({} if labels is None else label_figures(labels, clusters)),
            **({} if consensus is None else {"NMI to ucls": nmi(consensus.labels, clusters)}),
            **size_figures(clusters),
            "links cut": cut_share(clusters, edges),
            "s": seconds,
        }
        for name, (clusters, seconds) in found.items()
    }
