"""Stores what lies on a log of its own: read what is known, fold, write, and set aside what cannot be stored."""
