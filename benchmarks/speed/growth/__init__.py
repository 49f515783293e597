"""How each stage grows with images, clusters, heads and features."""
