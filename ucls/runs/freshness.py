"""Which stages of a run are up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ucls.errors import UclsError
from ucls.runs.catalog import STAGES, Stage, find_stage, stage_names
from ucls.runs.recording import recorded

if TYPE_CHECKING:
    from ucls.runs.run import Run


class Freshness:
    """Tells of an open run what is done with the settings and inputs of now.

    Args:
        run: the run.
    """

    def __init__(self, run: "Run") -> None:
        self._run = run

    def key(self, stage: str) -> str:
        """Digest of all settings and inputs that decide what a stage writes."""
        return find_stage(stage).settings(self._run)

    def is_done(self, stage: str) -> bool:
        """Whether a stage was finished with the settings of now and its files are there."""
        entry, folder = find_stage(stage), self._run.folder
        if entry.after is None:
            return True
        if self._hangs_on(entry.after, entry):
            return self.is_done(entry.after)
        files_there = all(folder.file(name).is_file() for name in entry.files)
        return files_there and entry.counts(self._run) and folder.key_of(stage) == self.key(stage)

    def require(self, stage: str) -> None:
        """Stops unless a stage is up to date.

        Raises:
            UclsError: naming the command to run first.
        """
        if self.is_done(stage):
            return
        entry, folder = find_stage(stage), self._run.folder
        if entry.after is not None and self._hangs_on(entry.after, entry):
            self.require(entry.after)
            return
        if folder.key_of(stage) is None:
            state = "is not done"
        elif folder.key_of(stage) == self.key(stage):
            state = "has lost a file"
        else:
            state = entry.stale.format(chosen=self._run.consensuses.chosen_name() or "none")
        raise UclsError(
            f"stage {stage} of {folder.path} {state}; run first: ucls {stage} {folder.path}"
        )

    def _hangs_on(self, before: str, stage: Stage) -> bool:
        """Whether a stage has no state of its own, but that of the stage before."""
        return not stage.applies(self._run) or (stage.follows and not self.is_done(before))

    @contextmanager
    def work(
        self, stage: str, *, overwrite: bool = False, tells_stale: bool = True
    ) -> Iterator[bool]:
        """Surrounds the work of a stage; yields whether there is any.

        Locks the folder, and records status, time and memory.

        Args:
            stage: its name.
            overwrite: do it again even if it is done.
            tells_stale: say which results of later stages it has made those of before.
        """
        if self._skips(stage, overwrite=overwrite):
            yield False
            return
        run, after = self._run, find_stage(stage).after
        with run.folder.lock():
            run.folder.reload()  # another process may have been at work until now
            if after is not None:
                self.require(after)
            if self._skips(stage, overwrite=overwrite):
                yield False
                return
            with recorded(run.folder, stage, self.key(stage)):
                yield True
            if tells_stale:
                self._tell_stale(stage)

    def _skips(self, stage: str, *, overwrite: bool) -> bool:
        is_skipped = self.is_done(stage) and not overwrite
        if is_skipped:
            self._run.reporter.say(f"{stage}: done before with these settings, skipped")
        return is_skipped

    def _tell_stale(self, stage: str) -> None:
        """Says what is still there of later stages that were done, and are no more."""
        later = STAGES[stage_names().index(stage) + 1 :]
        was_done = [entry for entry in later if self._run.folder.key_of(entry.name) is not None]
        stale = [entry for entry in was_done if not self.is_done(entry.name)]
        left = [entry.files[-1] for entry in stale if self._has(entry.files[-1])]
        if left:
            path = self._run.folder.path
            self._run.reporter.say(
                f"{stage}: {', '.join(left)} are still those of before, until "
                f"{', '.join(f'ucls {entry.name} {path}' for entry in stale)}"
            )

    def _has(self, name: str) -> bool:
        return self._run.folder.file(name).is_file()
