"""Every row of a study with every seed, each in a run folder of its own."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.ablations.figures import run_figures, stage_seconds
from benchmarks.ablations.plan import Places, Plan, extract_for
from benchmarks.ablations.record import Entry, Record
from benchmarks.ablations.single import run_single
from benchmarks.ablations.study import Variant
from benchmarks.machine import describe_machine, machine_facts
from ucls.cache import RunFolder, flatten
from ucls.errors import UclsError
from ucls.progress import SILENT, Reporter
from ucls.usage import measure

FAILURES = (UclsError, RuntimeError, OSError, MemoryError)
"""What may befall one run alone, such as a GPU without enough memory."""

Told = Callable[[Entry], None]


def run_study(
    plan: Plan,
    places: Places,
    *,
    command: str,
    simulated: dict[str, int] | None = None,
    skip_existing: bool = False,
    reporter: Reporter = SILENT,
    told: Told = lambda entry: None,
) -> Record:
    """Runs a study, and writes its record anew after every run.

    Features are extracted once, and neighbours are searched once for all runs that have them
    alike. A run that fails is recorded with what went wrong, and the others go on.

    Args:
        plan: what to run.
        places: where to read and write.
        command: that the record is to name as its origin.
        simulated: what the features were made with, if they are made up.
        skip_existing: keep what an earlier call with the same settings has finished, in the record
            and in the run folders.
        reporter: shown what the stages do.
        told: shown every run that is over, also one that was kept.

    Returns:
        What was written.

    Raises:
        UclsError: if the features cannot be extracted, or the record not be written.
    """
    with measure() as extraction:
        plan, left_out = extract_for(plan, places, reporter=reporter)
    record = begin_record(plan, command, simulated=simulated, left_out=left_out)
    record.extract_seconds = extraction.seconds
    if skip_existing and places.record.is_file():
        keep_finished(record, Record.read(places.record), plan)
    there = {(entry.variant, entry.seed): entry for entry in record.entries}
    runs = Runs(plan, places, record, keep=skip_existing, reporter=reporter)
    for variant, seed in plan.runs():
        entry = there.get((variant.key, seed))
        if entry is None:
            entry = runs.run(variant, seed)
            record.entries.append(entry)
            record.write(places.record)
        told(entry)
    record.write(places.record)
    return record


@dataclass
class Runs:
    """Runs one after the other, and knows where the earlier ones lie."""

    plan: Plan
    places: Places
    record: Record
    keep: bool
    reporter: Reporter

    def run(self, variant: Variant, seed: int) -> Entry:
        """Runs one row with one seed; what goes wrong is told by the entry."""
        key = self.plan.key(variant, seed)
        folder = self.places.runs_dir / self.plan.source.name / f"{key}-seed{seed}"
        begun = Entry(variant.key, seed, key, str(folder), describe_machine())
        self.reporter.say(f"{self.plan.study.name}: {variant.key}, seed {seed}, in {folder}")
        try:
            shared = self._run(variant, seed, folder)
            figures = run_figures(folder, self.plan.study)
        except FAILURES as error:
            self.reporter.say(traceback.format_exc())
            return replace(begun, error=describe(error))
        settings = flatten(RunFolder(folder).read_config())
        self.record.settings.setdefault(variant.key, settings)
        return replace(begun, figures=figures, seconds=stage_seconds(folder), shared=shared)

    def _run(self, variant: Variant, seed: int, folder: Path) -> list[str]:
        return run_single(
            self.plan.source,
            self.plan.config(variant, seed),
            folder,
            cache_dir=self.places.cache_dir,
            self_trains="self_training" in self.plan.study.parts,
            keep=self.keep,
            others=[path for path in map(Path, self.record.folders) if path.is_dir()],
            reporter=self.reporter,
        )


def begin_record(
    plan: Plan, command: str, *, simulated: dict[str, int] | None, left_out: dict[str, str]
) -> Record:
    """A record without runs; arguments as for :func:`run_study`."""
    source, choices = plan.source, plan.choices
    return Record(
        study=plan.study.name,
        source={
            "name": source.name,
            "kind": source.kind,
            "n_images": {split: source.count_images(split) for split in source.splits},
            "arguments": dict(source.arguments),
        },
        simulated=simulated,
        n_clusters=plan.n_clusters,
        asked={
            "preset": choices.preset,
            "threshold": choices.threshold,
            "set": dict(choices.given),
        },
        rows={variant.key: variant.label for variant in plan.study.variants},
        left_out=left_out,
        command=command,
        machine=machine_facts(),
    )


def keep_finished(record: Record, earlier: Record, plan: Plan) -> None:
    """Takes over the runs, of any seed, that would be run alike now."""
    variants = {variant.key: variant for variant in plan.study.variants}
    for entry in earlier.finished:
        variant = variants.get(entry.variant)
        if variant is not None and plan.key(variant, entry.seed) == entry.key:
            record.entries.append(entry)
            record.settings[entry.variant] = earlier.settings[entry.variant]


def describe(error: BaseException) -> str:
    """What went wrong, in a line."""
    line = str(error).strip().partition("\n")[0]
    return line if isinstance(error, UclsError) else f"{type(error).__name__}: {line}"
