"""UCLS: cluster images without labels on top of frozen, pretrained vision transformers."""

__version__ = "0.1.0"
