"""The heads of a run combined, by one method or by all of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from ucls.cache import Assignments, ConsensusEntry, read_nearest
from ucls.cache import run_files as files
from ucls.constraints.respect import respect
from ucls.constraints.walks import NEAREST
from ucls.ensemble import Consensus, consensus
from ucls.ensemble.comparison import compare, highest
from ucls.ensemble.methods import ALL, METHODS, n_steps
from ucls.ensemble.results import empty_note
from ucls.progress import Advance
from ucls.runs.consensus_settings import consensus_options, entry_name, used_settings
from ucls.runs.heads import all_collapsed, as_trained, numbered_alike
from ucls.runs.known import Known, read_known
from ucls.runs.partitions import partitions_of
from ucls.runs.run import Run
from ucls.settings.config import EnsembleConfig
from ucls.types import Labels
from ucls.wording import count


@dataclass(frozen=True)
class Combination:
    """Heads of a run, and how to combine them.

    Attributes:
        run: whose heads they are.
        assignments: of all its heads.
        heads: numbers of those to combine.
        config: how; the method may be ``all``.
        existing: the run's consensuses by key.
        overwrite: make again what is there already.
    """

    run: Run
    assignments: Assignments
    heads: tuple[int, ...]
    config: EnsembleConfig
    existing: Mapping[str, ConsensusEntry]
    overwrite: bool

    def make(self, splits: Sequence[str]) -> list[ConsensusEntry]:
        """Makes an entry, or with the method ``all`` one for each method that can be run.

        An entry keeps what it has of other splits. Of several, the one with the highest ANMI
        says so.

        Raises:
            UclsError: if no method can combine the heads.
        """
        by_method: dict[str, dict[str, Consensus]] = {}
        total = sum(n_steps(self.config.method, len(self._voters(split))) for split in splits)
        with self.run.reporter.track("ensemble", total, "steps") as advance:
            for split in splits:
                for method, result in self._results(split, advance).items():
                    by_method.setdefault(method, {})[split] = result
        entries = [self._entry(method, results) for method, results in by_method.items()]
        for entry in entries:
            self._tell_entry(entry, splits[0])
        return self._mark_best(entries, splits[0]) if self.config.method == ALL else entries

    def _results(self, split: str, advance: Advance) -> dict[str, Consensus]:
        """The consensus of a split by each method."""
        labels = self._voters(split)
        combine = partial(self._combine, split, labels, advance)
        if self.config.method != ALL:
            results: dict[str, Consensus] = {self.config.method: combine(self.config.method)}
        else:
            comparison = compare(combine, labels, self.run.n_clusters, advance=advance).comparison
            assert comparison is not None
            results = comparison.results
            for method, reason in comparison.left_out.items():
                self.run.reporter.say(f"ensemble ({split}): {method} is left out: {reason}")
        self._tell_notes(split, results)
        return results

    def _combine(self, split: str, labels: Labels, advance: Advance, /, method: str) -> Consensus:
        """The consensus of a split by one method: the one that is there, or else a new one."""
        if stored := self._kept(method, split):
            advance(n_steps(method, len(labels)))
            return as_consensus(stored, split, self.run.n_clusters)
        loss = self.assignments.loss[list(self.heads)]
        options = consensus_options(self.config, loss, n_more=len(labels) - len(loss))
        made = consensus(
            labels,
            self.run.n_clusters,
            method=method,
            seed=self.run.config.seed,
            numbered_alike=numbered_alike(self.run, self.heads),
            advance=advance,
            **options,
        )
        return made if split != "train" or self._known is None else self._respect(made, self._known)

    def _voters(self, split: str) -> Labels:
        """What the heads say of a split, and of the training images what partitions do."""
        labels = self.assignments.labels[split][list(self.heads)]
        return np.concatenate([labels, self._partitions]) if split == "train" else labels

    @cached_property
    def _partitions(self) -> Labels:
        """Of the neighbour graph of the training images, int32 [V, N]; V is 0 if none votes."""
        n_images = self.assignments.labels["train"].shape[1]
        if all(self._kept(method, "train") for method in self._methods):
            return np.empty((0, n_images), dtype=np.int32)
        return partitions_of(
            self.run, n_heads=len(self.heads), n_images=n_images, reporter=self.run.reporter
        )

    @property
    def _methods(self) -> Collection[str]:
        return METHODS if self.config.method == ALL else [self.config.method]

    def _kept(self, method: str, split: str) -> ConsensusEntry | None:
        """The entry that has the consensus of a split by a method already."""
        stored = self.existing.get(self._key(method))
        return stored if stored and split in stored.anmi and not self.overwrite else None

    @cached_property
    def _known(self) -> Known | None:
        return read_known(self.run)

    def _respect(self, made: Consensus, known: Known) -> Consensus:
        """The consensus of the training images with what is known of some."""
        folder, say = self.run.folder, self.run.reporter.say
        constraints = known.constraints.first(len(made.labels))
        result = respect(
            constraints,
            made,
            read_nearest(folder.file(files.NEIGHBORS), NEAREST),
            by_head=as_trained(self.run).labels["train"][list(self.heads)],
            voted=self._voters("train"),
        )
        n_known = int((constraints.group_of >= 0).sum())
        n_moved = int((result.consensus.labels != made.labels).sum())
        say(
            f"ensemble: respects what is known of {count(n_known, 'image')}; "
            f"{count(n_moved, 'image')} changed the cluster by it"
        )
        if result.n_unmet:
            self.run.reporter.warn(result.unmet_text())
        return result.consensus

    def _of_method(self, method: str) -> EnsembleConfig:
        """The settings with which this method would have been asked for alone."""
        return self.config.model_copy(update={"method": method})

    def _key(self, method: str) -> str:
        return self.run.consensuses.key(self._of_method(method))

    def _entry(self, method: str, results: Mapping[str, Consensus]) -> ConsensusEntry:
        """The entry of one method's results by split."""
        settings = used_settings(self._of_method(method))
        is_sure, kept = not all_collapsed(self.run, self.heads), self._kept(method, "train")
        n_partitions = len(self._partitions) if "train" in results else 0
        entry = ConsensusEntry(
            name=entry_name(settings, self.run.config.ensemble),
            method=method,
            heads=self.heads,
            labels={split: result.labels for split, result in results.items()},
            confidence={
                split: (is_sure * result.confidence).astype(np.float16)
                for split, result in results.items()
            },
            anmi={split: result.anmi for split, result in results.items()},
            seconds={split: result.seconds for split, result in results.items()},
            key=self._key(method),
            settings=settings,
            seed=self.run.config.seed,
            n_partitions=kept.n_partitions if kept else n_partitions,
        )
        stored = self.existing.get(entry.key)
        return entry if stored is None else merge(stored, entry)

    def _mark_best(self, entries: list[ConsensusEntry], split: str) -> list[ConsensusEntry]:
        """Marks the entry with the highest ANMI on train or, without it, on the given split."""
        if any("train" in entry.anmi for entry in entries):
            split = "train"
        # Equal partitions that are numbered otherwise differ in the last digit.
        by_method = {entry.method: entry for entry in entries}
        best = by_method[highest({m: one.anmi.get(split, -1.0) for m, one in by_method.items()})]
        self.run.reporter.say(
            f"ensemble: {best.name} has the highest ANMI of {len(entries)} methods on {split}"
        )
        key = self._key(ALL)
        others = {entry.key: [one for one in entry.best_of if one != key] for entry in entries}
        return [
            replace(entry, best_of=(*others[entry.key], *([key] if entry is best else [])))
            for entry in entries
        ]

    def _tell_notes(self, split: str, results: Mapping[str, Consensus]) -> None:
        """Tells the notes, each once with the methods that it is about."""
        methods: dict[str, list[str]] = {}
        for method, result in results.items():
            for note in result.notes:
                methods.setdefault(note, []).append(method)
        for note, about in methods.items():
            whose = "" if len(about) == len(results) else f"{', '.join(about)}: "
            is_empty = note == empty_note(results[about[0]].cluster_sizes)
            tell = self.run.reporter.warn if is_empty else self.run.reporter.say
            tell(f"ensemble ({split}): {whose}{note}")

    def _tell_entry(self, entry: ConsensusEntry, split: str) -> None:
        on = "" if split == "train" else f" on {split}"
        figure = f", ANMI {entry.anmi[split]:.3f}{on}" if split in entry.anmi else ""
        self.run.reporter.say(
            f"ensemble: {entry.name} of {count(len(entry.heads), 'head')} "
            f"in {sum(entry.seconds.values()):.2f} s{figure}"
        )


def as_consensus(entry: ConsensusEntry, split: str, n_clusters: int) -> Consensus:
    """A consensus as it was when its entry was made, without its notes."""
    labels = entry.labels[split]
    sizes = np.bincount(labels[labels >= 0], minlength=n_clusters)
    return Consensus(
        labels=labels,
        confidence=entry.confidence[split].astype(np.float32),
        method=entry.method,
        anmi=entry.anmi[split],
        seconds=entry.seconds.get(split, 0.0),
        occupied_clusters=int(np.count_nonzero(sizes)),
        cluster_sizes=sizes,
        notes=(),
    )


def merge(old: ConsensusEntry, new: ConsensusEntry) -> ConsensusEntry:
    """The new entry, with those splits of the old one that it lacks, and what it is best of."""
    return replace(
        new,
        labels={**old.labels, **new.labels},
        confidence={**old.confidence, **new.confidence},
        anmi={**old.anmi, **new.anmi},
        seconds={**old.seconds, **new.seconds},
        best_of=old.best_of,
        n_partitions=new.n_partitions if "train" in new.labels else old.n_partitions,
    )
