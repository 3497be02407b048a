"""Tests of single modules: a mirror of src/parley."""
