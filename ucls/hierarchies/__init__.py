"""Classes and their superclasses, from the files that people have them in."""

from ucls.hierarchies.levels import Level
from ucls.hierarchies.read import read_levels

__all__ = ["Level", "read_levels"]
