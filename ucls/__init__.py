"""UCLS: cluster images without labels on top of frozen, pretrained vision transformers."""

from importlib.metadata import version

__version__ = version("ucls")
