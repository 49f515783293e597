"""The ablations of the thesis, on any source."""
