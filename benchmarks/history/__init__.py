"""Synthetic history of any size, loaded through the storage's ports, and what it costs to work on it."""
