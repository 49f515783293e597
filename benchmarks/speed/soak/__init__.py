"""A whole run of many images, stage after stage in one process, and its memory over time."""
