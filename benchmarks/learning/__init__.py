"""Networks learned from images alone: their clusters and features, by epoch and seed."""
