"""Breaks what Parley stands on, under load, and judges what clients saw: every cell a fault on a profile."""
