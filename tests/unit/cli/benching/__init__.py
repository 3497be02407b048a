"""Unit tests of the parts of ``parley bench``."""
