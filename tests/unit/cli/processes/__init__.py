"""Unit tests of running as processes."""
