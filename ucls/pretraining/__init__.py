"""Networks learned from images without labels, to serve as backbones."""
