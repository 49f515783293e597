"""What speaks for each number of clusters."""

from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from ucls.counting import Suggestion
from ucls.report.plots.style import COLORS, ONE_COLUMN, new_figure


def suggestion_figure(suggestion: Suggestion) -> Figure:
    """Draws both signs over the number of clusters, and marks the one that is suggested."""
    figure = new_figure(ONE_COLUMN, 3.2)
    above, below = figure.subplots(2, 1, sharex=True)
    numbers = [one.n_clusters for one in suggestion.signs]
    above.vlines(numbers, 0, [one.gap for one in suggestion.signs], color=COLORS[0], linewidth=2.5)
    beyond = [one.beyond for one in suggestion.signs if one.beyond is not None]
    above.scatter(numbers[: len(beyond)], beyond, color=COLORS[2], s=9, label="beyond clouds")
    above.set(ylabel="gap after the mode", ylim=(0, None))
    above.legend()
    below.plot(
        numbers, [one.coding_length for one in suggestion.signs], "o-", color=COLORS[0], ms=3
    )
    below.set(ylabel="bits per image", xlabel="clusters", xscale="log")
    below.xaxis.set_major_formatter(ScalarFormatter())
    below.xaxis.set_minor_formatter(ScalarFormatter())
    for axes in (above, below):
        if suggestion.n_clusters > 1:
            axes.axvline(suggestion.n_clusters, color=COLORS[3], linestyle="--", linewidth=0.8)
        for number in suggestion.next_best:
            axes.axvline(number, color=COLORS[1], linestyle=":", linewidth=0.8)
    return figure
