"""The parts of ``parley import``: records, order, sending, and what survives a crash."""
