"""Tests of parley.database alone."""
