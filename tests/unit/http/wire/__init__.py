"""The wire under both ports."""
