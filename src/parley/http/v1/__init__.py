"""The full API, version 1."""
