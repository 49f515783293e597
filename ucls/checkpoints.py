"""The reading of weights, for those who write Python; see :mod:`ucls.backbones.checkpoints`."""

from ucls.backbones.checkpoints import read_weights

__all__ = ["read_weights"]
