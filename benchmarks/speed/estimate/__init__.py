"""Time and memory of sizes that were not run, on paper."""
