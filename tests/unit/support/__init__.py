"""Tests of the code that the suites share."""
