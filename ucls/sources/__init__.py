"""What to cluster: a dataset by name, a folder or a list of images, a feature file or an array."""

from ucls.sources.given import GivenLabels, GivenSource, open_source
from ucls.sources.load import load_source, reopen
from ucls.sources.source import Source, SourceKind

__all__ = [
    "GivenLabels",
    "GivenSource",
    "Source",
    "SourceKind",
    "load_source",
    "open_source",
    "reopen",
]
