"""Frozen networks that turn pictures into tokens."""

from ucls.backbones.build import build_backbone

__all__ = ["build_backbone"]
