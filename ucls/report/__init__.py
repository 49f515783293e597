"""What a report, a plot or a comparison shows of a run: computed here, drawn by the stages."""
