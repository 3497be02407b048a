"""Tests of parley.queries alone."""
