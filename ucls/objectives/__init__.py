"""Training objectives: pure functions on [H, B, C] tensors, and modules that train by them."""
