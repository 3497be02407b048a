"""Tests of parley.ingest alone."""
