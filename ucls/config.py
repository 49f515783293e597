"""The settings of a run, for those who write Python; see :mod:`ucls.settings.config`."""

from ucls.settings.config import Config

__all__ = ["Config"]
