"""Unit tests of the parts of ``parley import``."""
