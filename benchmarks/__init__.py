"""Measurements of speed and accuracy; never shipped in the wheel, never asserted in tests."""
