"""Steps of progress, which end where it was said that they end."""

from ucls.progress import Advance


def n_pairs(n_heads: int) -> int:
    """Pairs of different heads."""
    return n_heads * (n_heads - 1) // 2


class Steps:
    """An :class:`ucls.progress.Advance` that knows how many steps it has left.

    Args:
        advance: told of every step.
        n_steps: how many there are.
    """

    def __init__(self, advance: Advance, n_steps: int) -> None:
        self.advance, self.n_left = advance, n_steps

    def __call__(self, amount: int = 1, /, **figures: float | str) -> None:
        """Passes on what is left of ``amount``."""
        taken = min(amount, self.n_left)
        self.n_left -= taken
        self.advance(taken, **figures)

    def finish(self) -> None:
        """Takes all steps that are left."""
        if self.n_left:
            self(self.n_left)
