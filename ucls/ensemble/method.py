"""What a consensus method is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ucls.ensemble.options import Option
from ucls.types import Labels


@dataclass(frozen=True)
class Method:
    """A way to combine heads, and all that others need to know of it.

    Attributes:
        name: by which it is asked for.
        help: what it does, in one line.
        run: from compact labels, int32 [H, N], and the number of clusters to int32 [N]; its
            options and what it ``needs`` come by keyword.
        n_steps: how often it tells of its progress, given the number of heads.
        options: what a user may choose.
        needs: what else it is given; ``advance`` is told of its progress.
        work: grows as its time does, given labels [H, N] and the number of clusters.
        largest: the most work with which it takes part in ``all``: a few minutes on two cores.
    """

    name: str
    help: str
    run: Callable[..., Labels]
    n_steps: Callable[[int], int]
    options: tuple[Option, ...] = ()
    needs: tuple[Literal["seed", "weights", "numbers", "advance"], ...] = ("seed", "advance")
    work: Callable[[Labels, int], float] = lambda labels, n_clusters: 0.0
    largest: float = float("inf")

    def combine(self, labels: Labels, n_clusters: int, given: Mapping[str, Any]) -> Labels:
        """Runs it.

        Args:
            labels: compact heads, int32 [H, N].
            n_clusters: number of clusters of the consensus.
            given: what any method needs, and the options of all, by name.

        Returns:
            int32 [N].
        """
        names = (*self.needs, *(option.name for option in self.options))
        return self.run(labels, n_clusters, **{name: given[name] for name in names})
