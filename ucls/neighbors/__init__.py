"""Which images are alike."""
