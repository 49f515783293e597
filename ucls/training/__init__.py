"""Training: of the heads, and of linear classifiers on their consensus."""
