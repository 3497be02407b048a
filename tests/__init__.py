"""Parley's tests: unit, contract (per port), api (HTTP) and acceptance (real processes)."""
