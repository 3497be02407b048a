"""Parley: a self-hosted chat backend."""
