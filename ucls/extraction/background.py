"""One thread for work that nobody has to wait for, such as writing."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self


class Background:
    """Does tasks one after the other while the caller goes on; a context manager.

    After a task has failed, no later one is done. Leaving the block waits for all of them, or drops
    those not yet begun if an error ended it.

    Args:
        most_waiting: tasks to take before :meth:`submit` waits for the oldest.
    """

    def __init__(self, most_waiting: int = 4) -> None:
        self._most_waiting = most_waiting
        self._executor = ThreadPoolExecutor(max_workers=1)
        self._waiting: deque[Future[Any]] = deque()
        self._has_failed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            while self._waiting and exc_type is None:
                self._waiting.popleft().result()
        finally:
            self._executor.shutdown(cancel_futures=True)

    def submit(self, task: Callable[..., Any], *arguments: Any) -> None:
        """Adds a task.

        Raises:
            Exception: what an earlier task raised.
        """
        if len(self._waiting) == self._most_waiting:
            self._waiting.popleft().result()
        self._waiting.append(self._executor.submit(self._do, task, *arguments))

    def _do(self, task: Callable[..., Any], *arguments: Any) -> None:
        if self._has_failed:
            return
        try:
            task(*arguments)
        except BaseException:
            self._has_failed = True
            raise
