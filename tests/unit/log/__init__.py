"""The log on Redis, as far as it needs no server."""
