"""Frozen networks that turn pictures into tokens."""
