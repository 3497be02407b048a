"""Deterministic simulation: the write path and its workers over a virtual clock, a memory network, modelled engines.

`python -m tests.simulation --help` runs it by hand.
"""
