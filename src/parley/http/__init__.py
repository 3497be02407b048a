"""HTTP: the wire under both ports, the full API and the lean write service."""
