"""Training objectives: pure functions on [H, B, C] tensors."""
