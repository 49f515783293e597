"""Training on features that stay on disk."""
