"""Builds of the whole product that are broken on purpose, for the checker to name. Never part of the product."""
