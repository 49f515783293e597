"""The stages of a run, in order: whatever else needs to know of them asks here."""

from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from ucls.cache import run_files as files
from ucls.cache import settings_key
from ucls.runs.apart import apart_keys
from ucls.runs.known import known_digest

if TYPE_CHECKING:
    from ucls.runs.run import Run


@dataclass(frozen=True)
class Stage:
    """One step from files to files.

    Attributes:
        name: a verb; also its command.
        after: the stage that has to be done before; None for the first.
        files: what it leaves in the run folder once it is done.
        settings: a digest of the settings and inputs that decide what it leaves; where it differs
            from the one that was recorded, the stage is stale.
        run: ``module:function``, imported when it is called; but for the first stage, which starts
            the run, from a run folder to what it left.
        applies: whether a run has a need of it; without, it is done with the stage before.
        follows: whether it is done only as long as the stage before is.
        counts: whether what it left counts still, apart from its files and its digest.
        stale: what is said of it where the digest differs; ``chosen`` is the chosen consensus.
        more_files: patterns of what else it may leave.
        unfinished: patterns of files that it goes on from after it was stopped.
        options: settings that its command has an option for.
        help: of its command, where that is like those of other stages.
        example: of its command.
    """

    name: str
    after: str | None
    files: tuple[str, ...]
    settings: Callable[["Run"], str]
    run: str
    applies: Callable[["Run"], bool] = lambda run: True
    follows: bool = False
    counts: Callable[["Run"], bool] = lambda run: True
    stale: str = "has other settings"
    more_files: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    help: str = ""
    example: str = ""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Runs it."""
        return self.function(*arguments, **options)

    @property
    def function(self) -> Callable[..., Any]:
        """What runs it."""
        function: Callable[..., Any] = resolve_name(self.run)
        return function


def _of_extraction(run: "Run") -> str:
    return settings_key(run.data.cache_key, run.data.classes)


def _of_neighbors(run: "Run") -> str:
    config = run.config
    seed = config.seed if config.neighbors.cap_keeps == "sample" else None
    section = run.section("neighbors")
    if section["prepare"] == "none":  # as in older versions, which prepared nothing
        del section["prepare"]
    if section["search"] != "approximate":  # as in older versions, which were exact
        del section["search"]
    section["apart_from"] = apart_keys(run)
    if not section["apart_from"]:  # as in older versions
        del section["apart_from"]
    settings = (section, config.features, config.n_clusters, seed)
    return settings_key(*settings, run.freshness.key("extract"))


def _of_training(run: "Run") -> str:
    section = run.section("train")
    del section["parallel"]  # which changes nothing but rounding
    used = {name: value for name, value in section.items() if value is not None}
    n_views = run.data.n_views if run.config.train.views in ("augmented", "both") else 1
    return settings_key(used, n_views, run.config.seed, run.freshness.key("neighbors"))


def _of_merging(run: "Run") -> str:
    if not run.merges:
        trained, known = run.freshness.key("train"), known_digest(run)
        return settings_key(known, trained) if known else trained
    # What is not asked for does not count, as in older versions, which did not know it.
    merging = run.section("merge") | {"known": known_digest(run)}
    section = {name: value for name, value in merging.items() if value}
    return settings_key(section, run.config.n_clusters, run.freshness.key("train"))


def _of_consensus(run: "Run") -> str:
    return run.consensuses.key(run.config.ensemble)


def _of_self_training(run: "Run") -> str:
    chosen, section = run.consensuses.chosen(), run.section("self_train")
    if section["outliers"] is None:  # as in older versions, which had none
        del section["outliers"]
    return settings_key(section, run.config.seed, chosen.key)


def _of_evaluation(run: "Run") -> str:
    consensuses = [
        (entry.name, entry.key, entry.best_of, sorted(entry.labels))
        for entry in run.consensuses.entries().values()
    ]
    is_self_trained = run.freshness.is_done("self-train")
    results = (
        sorted(consensuses),
        run.consensuses.chosen().name,
        run.freshness.key("self-train") if is_self_trained else None,
        *_corrections(run),
    )
    return settings_key(run.section("evaluate"), run.config.seed, run.data.labels_key, *results)


def _corrections(run: "Run") -> tuple[str, ...]:
    path = run.folder.file(files.CORRECTIONS)
    return (path.read_text(encoding="utf-8"),) if path.is_file() else ()


def _has_chosen(run: "Run") -> bool:
    return run.consensuses.chosen_name() is not None


STAGES = (
    Stage(
        name="extract",
        after=None,
        files=(),
        settings=_of_extraction,
        run="ucls.stages.start:start",
        more_files=(files.CONFIG, files.SKIPPED, files.TRUTH),
    ),
    Stage(
        name="neighbors",
        after="extract",
        files=(files.NEIGHBORS,),
        more_files=(files.PREPARATION, files.APART),
        settings=_of_neighbors,
        run="ucls.stages.neighbors:neighbors",
        options=("neighbors.prepare", "device", "seed"),
        help="Build the neighbour set of every training image.",
        example="ucls neighbors runs/digits",
    ),
    Stage(
        name="train",
        after="neighbors",
        files=(files.HEADS, files.TRAINING_LOG, files.ASSIGNMENTS),
        settings=_of_training,
        run="ucls.stages.train:train",
        unfinished=(files.CHECKPOINT, files.GROUP_CHECKPOINTS, files.HEAD_INPUTS),
        options=("train.objective", "device", "seed"),
        help="Train all clustering heads at the same time.",
        example="ucls train runs/digits --objective scan",
    ),
    Stage(
        name="merge",
        after="train",
        files=(files.MERGES,),
        settings=_of_merging,
        run="ucls.stages.merge:merge",
        applies=lambda run: run.merges,
        follows=True,
        help="Merge the heads' clusters to the number wanted, by the links between neighbours.",
        example="ucls merge runs/digits --set merge.linkage=average",
    ),
    Stage(
        name="ensemble",
        after="merge",
        files=(files.CONSENSUS,),
        settings=_of_consensus,
        run="ucls.stages.ensemble:ensemble",
        counts=lambda run: _has_chosen(run) and run.consensuses.has_own(),
        more_files=(*files.CUTS, files.KNOWN),
    ),
    Stage(
        name="self-train",
        after="ensemble",
        files=(files.CLASSIFIER, files.CANDIDATES, files.LABELS),
        settings=_of_self_training,
        run="ucls.stages.self_train:self_train",
        counts=_has_chosen,
        more_files=(
            files.CORRECTED_CLASSIFIER,
            files.UPDATED_LABELS,
            files.OUTLIERS,
            files.OUTLIER_SCORES,
        ),
        stale="was done with other settings, or not on the chosen consensus, {chosen}",
        options=("device", "seed"),
        help="Train a classifier on the consensus, and label every image with it.",
        example="ucls self-train runs/digits",
    ),
    Stage(
        name="evaluate",
        after="merge",
        files=(files.METRICS,),
        settings=_of_evaluation,
        run="ucls.stages.evaluate:evaluate",
        counts=_has_chosen,
        more_files=(files.BASELINES, files.ALTERNATIVE),
    ),
)
"""In the order of a run."""

EXTRACT = STAGES[0]


def later_stages() -> tuple[Stage, ...]:
    """All that work in a run folder, in order: the stages after the extraction."""
    return STAGES[1:]


def stage_names() -> tuple[str, ...]:
    """The names of all stages, in order."""
    return tuple(stage.name for stage in STAGES)


def find_stage(name: str) -> Stage:
    """The stage of a name.

    Raises:
        KeyError: if there is none.
    """
    return {stage.name: stage for stage in STAGES}[name]


def stages_until(last: str) -> tuple[Stage, ...]:
    """The later stages up to a given one, in order."""
    return STAGES[1 : stage_names().index(last) + 1]


def stage_after(name: str) -> Stage | None:
    """What comes next in a run; None after the last."""
    place = stage_names().index(name) + 1
    return STAGES[place] if place < len(STAGES) else None


def run_files() -> tuple[str, ...]:
    """Patterns of all that the stages leave in a run folder."""
    return tuple(
        name for stage in STAGES for name in (*stage.files, *stage.more_files, *stage.unfinished)
    )
