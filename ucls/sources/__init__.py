"""What to cluster: a dataset by name, a folder or a list of images, or a feature file."""

from ucls.sources.load import load_source, reopen
from ucls.sources.source import Source, SourceKind

__all__ = ["Source", "SourceKind", "load_source", "reopen"]
