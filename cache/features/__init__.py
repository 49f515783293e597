"""The feature cache: what a backbone made of an image set, on disk."""
