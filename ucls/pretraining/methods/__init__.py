"""One file per method: what it makes of the views of a batch."""
