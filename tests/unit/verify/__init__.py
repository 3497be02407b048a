"""Tests of parley.verify: made-up recordings in, verdicts out."""
