"""From files on disk to pictures and to arrays of features."""

from ucls.images.files import read_image

__all__ = ["read_image"]
