"""What reports, plots and comparisons show of a run: its numbers, and figures of them."""
