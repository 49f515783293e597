"""One run of a study, in its folder."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from ucls.cache import RunFolder
from ucls.pipeline import start
from ucls.progress import SILENT, Reporter
from ucls.runs.run import Run
from ucls.settings.config import Config
from ucls.sources import Source
from ucls.stages.ensemble import ensemble
from ucls.stages.evaluate import evaluate
from ucls.stages.merge import merge
from ucls.stages.neighbors import neighbors
from ucls.stages.self_train import self_train
from ucls.stages.train import train


def run_single(
    source: Source,
    config: Config,
    folder: Path,
    *,
    cache_dir: Path | None = None,
    self_trains: bool = False,
    keep: bool = False,
    others: Sequence[Path] = (),
    reporter: Reporter = SILENT,
) -> list[str]:
    """Runs every stage that the tables need; leaves an evaluated run.

    Args:
        source: its images or features.
        config: the settings.
        folder: of the run.
        cache_dir: of the feature caches.
        self_trains: whether to train a classifier on the consensus.
        keep: continue what is in the folder, instead of starting anew.
        others: finished runs on the same source, whose work is taken over where it is the same.
        reporter: shown what happens.

    Returns:
        The stages whose result was taken over.

    Raises:
        UclsError: if a stage fails.
    """
    start(
        source,
        out=folder,
        config=config,
        cache_dir=cache_dir,
        overwrite=not keep,
        reporter=reporter,
    )
    shared = ["neighbors"] if take_neighbors(folder, others) else []
    neighbors(folder, reporter=reporter)
    train(folder, reporter=reporter)
    merge(folder, reporter=reporter)
    ensemble(folder, reporter=reporter)
    if self_trains:
        self_train(folder, reporter=reporter)
    take_baselines(folder, others, seed=config.seed)
    evaluate(folder, reporter=reporter)
    return shared


def take_neighbors(folder: Path, others: Sequence[Path]) -> bool:
    """Takes the neighbours of another run that has them alike; tells whether there is one."""
    run = Run(folder)
    key = run.key("neighbors")
    same = next((other for other in others if RunFolder(other).key_of("neighbors") == key), None)
    if same is None or run.is_done("neighbors"):
        return False
    with run.stage("neighbors"):
        link(same / "neighbors.h5", folder / "neighbors.h5")
    return True


def take_baselines(folder: Path, others: Sequence[Path], *, seed: int) -> None:
    """Takes k-means of another run with the same seed; evaluation looks whether it fits."""
    target, features = folder / "baselines.json", Run(folder).feature_set
    configs = ((other, Run(other).config) for other in others)
    alike = (other for other, one in configs if (one.seed, one.features) == (seed, features))
    if not target.exists() and (same := next(alike, None)) is not None:
        link(same / target.name, target)


def link(file: Path, target: Path) -> None:
    """Gives a file a second name, or copies it where there are no such names.

    Stages replace their files as a whole, so none changes under its other name.
    """
    try:
        target.hardlink_to(file)
    except OSError:
        shutil.copyfile(file, target)
