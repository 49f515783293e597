"""Whether a run of the same images is another clustering of them, by signs that see no labels."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ucls.cache import RunFolder, read_json, settings_key, write_json
from ucls.cache import run_files as files
from ucls.counting.suggestion import FEWEST_IMAGES, MOST_IMAGES
from ucls.ensemble.mutual_information import normalized_mutual_information
from ucls.errors import UclsError, UsageError
from ucls.progress import SILENT, Reporter
from ucls.runs.apart_clusters import clusters_of
from ucls.runs.opening import open_run
from ucls.runs.preparation import read_preparation
from ucls.runs.run import Run
from ucls.settings.config import Config, required
from ucls.wording import count

MOST_CLUSTERINGS = 10
HEADS_BY_CHANCE = 6
"""Heads that tell how far they agree by chance."""
LEAST_DISAGREEMENT = 0.5
"""Of the heads, as a share of that by chance, below which a clustering is stable."""
MOST_IN_COMMON = 0.3
"""NMI with an earlier clustering, up to which two disagree."""


@dataclass(frozen=True)
class Standing:
    """What speaks for a clustering beside earlier ones.

    Attributes:
        n_clusters: that it has.
        agreement: of the heads with their consensus (ANMI), 0..1.
        by_chance: the same for features that vary alike, but hold no groups; None of the first
            clustering, which need not hold.
        in_common: NMI with each earlier clustering, 0..1.
    """

    n_clusters: int
    agreement: float
    by_chance: float | None = None
    in_common: tuple[float, ...] = ()

    @property
    def fault(self) -> str:
        """Why it does not hold, in words; empty if it does."""
        if self.by_chance is not None and 1.0 - self.agreement > LEAST_DISAGREEMENT * (
            1.0 - self.by_chance
        ):
            return f"its heads agree by {self.agreement:.2f} only, by chance {self.by_chance:.2f}"
        for number, share in enumerate(self.in_common, 1):
            if share > MOST_IN_COMMON:
                return f"it is too much like clustering {number}, with an NMI of {share:.2f}"
        return ""


def check_wanted(n_clusterings: int, n_images: int) -> None:
    """Looks whether so many clusterings can be asked for.

    Raises:
        UsageError: if not.
    """
    if not 1 <= n_clusterings <= MOST_CLUSTERINGS:
        raise UsageError(
            f"alternatives is {n_clusterings}: expected how many clusterings there shall be at "
            f"most, from 2 to {MOST_CLUSTERINGS}, or 1 for no other than the first"
        )
    if n_clusterings > 1 and n_images < FEWEST_IMAGES:
        raise UsageError(
            f"{count(n_images, 'image')} are too few for alternatives: expected "
            f"{FEWEST_IMAGES} or more; leave alternatives out"
        )


def alternative_places(first: Path, most: int) -> list[Path]:
    """The run folders of the alternatives to a run, in order."""
    whole = first if first.name else first.resolve()
    return [whole.with_name(f"{whole.name}-alternative-{n}") for n in range(2, most + 1)]


def apart_config(config: Config, known: Sequence[Path]) -> Config:
    """The settings of a run that is to be unlike known ones.

    The number of clusters and the labels that are known are those of the first.
    """
    runs = [str(path.absolute()) for path in known]
    return config.with_values(
        {"n_clusters": None, "merge.known": None, "neighbors.apart_from": runs}
    )


def told_if_crossed(path: Path) -> str:
    """What to do where a run found all values of two factors at once; empty if it did not."""
    from ucls.counting.factors import find_factor
    from ucls.preparation.signs import sample_rows

    run = open_run(path, after="self-train")
    rows = sample_rows(run.data.n_images, MOST_IMAGES).numpy()
    with run.features("train") as cache:
        paths, features = cache.paths(), cache.read(run.feature_set, rows=rows)
    clusters = clusters_of([str(path)], paths)[0, rows]
    is_known = clusters >= 0
    _, numbers = np.unique(clusters[is_known], return_inverse=True)
    prepared = read_preparation(run).of_array(features)[is_known]
    factor = find_factor(prepared, numbers.astype(np.int32))
    if factor is None:
        return ""
    size = factor.size
    n_clusters = int(numbers.max()) + 1
    return (
        f"the {n_clusters} clusters look like {size} times {n_clusters // size}: with -k {size} "
        "and another --out they may be found one after the other"
    )


def keep_alternatives(first: Path, found: Sequence[Path]) -> None:
    """Keeps in a run which other clusterings were found; they lie beside it."""
    folder = RunFolder(first)
    folder.update(alternatives=[path.name for path in found])


def standing(path: str | Path, *, reporter: Reporter = SILENT) -> Standing:
    """Measures what speaks for the clustering of a run beside those that it is apart from.

    Needs a labelled run; leaves ``alternative.json`` in one that is apart from others.

    Args:
        path: the run folder.
        reporter: shown what takes long.

    Raises:
        UclsError: if the run is not labelled yet.
    """
    run = open_run(path, after="self-train", reporter=reporter)
    earlier = run.config.neighbors.apart_from
    agreement = run.consensuses.chosen().anmi["train"]
    if not earlier:
        return Standing(run.n_clusters, agreement)
    target, key = run.folder.file(files.ALTERNATIVE), settings_key(run.freshness.key("self-train"))
    if target.is_file():
        kept = read_json(target, remedy="remove it, then run the same command again")
        if kept.pop("key") == key:
            return Standing(**kept | {"in_common": tuple(kept["in_common"])})
    with run.features("train") as cache:
        own, *others = clusters_of([str(path), *earlier], cache.paths())
    measured = Standing(
        run.n_clusters,
        agreement,
        _agreement_by_chance(run),
        tuple(normalized_mutual_information(own, other) for other in others),
    )
    write_json(target, {"key": key, **asdict(measured)})
    return measured


def _agreement_by_chance(run: Run) -> float:
    """How far heads agree on features that vary like those of a run, but hold no groups."""
    from ucls.clustering.in_memory import find_consensus
    from ucls.preparation.prepared import Preparation, PreparedSpace

    with run.features("train") as cache:
        prepared = read_preparation(run).of_array(cache.read(run.feature_set))
    features = without_groups(prepared, seed=run.config.seed)
    n_heads = min(HEADS_BY_CHANCE, required(run.config.train.n_heads))
    views = run.config.train.views
    config = run.config.with_values(
        {
            "n_clusters": run.n_clusters,
            "neighbors.apart_from": (),
            "train.n_heads": n_heads,
            "train.heads_at_once": n_heads,
            "train.views": "neighbor" if views in ("augmented", "both") else views,
            "merge.known": None,
            "merge.min_cluster_size": 0,
            "ensemble.heads": "all",
        }
    )
    plain = Preparation([PreparedSpace("none", features.shape[1])])
    run.reporter.say("alternatives: how far do heads agree where there are no groups?")
    try:
        return find_consensus(features, config, preparation=plain).anmi
    except UclsError:  # as where no head can vote
        return 0.0


def without_groups(features: NDArray[np.floating], *, seed: int) -> NDArray[np.float32]:
    """Normally distributed features [N, D] of the same mean and covariance as these.

    Args:
        features: [N, D].
        seed: of the numbers.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    centred = features.astype(np.float64) - mean
    values, vectors = np.linalg.eigh(centred.T @ centred / len(features))
    drawn = np.random.default_rng(seed).standard_normal(features.shape)
    found: NDArray[np.float32] = (drawn * np.sqrt(values.clip(min=0.0)) @ vectors.T + mean).astype(
        np.float32
    )
    return found


def share_in_common(paths: Sequence[Path]) -> NDArray[np.float64]:
    """NMI of the clusterings of each two runs of the same images, float64 [A, A]."""
    with open_run(paths[0], after="self-train").features("train") as cache:
        clusters = clusters_of([str(path) for path in paths], cache.paths())
    return np.array([[normalized_mutual_information(a, b) for b in clusters] for a in clusters])
