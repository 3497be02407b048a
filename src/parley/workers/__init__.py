"""Background jobs, one a file, each run by a `Runner` until told to stop."""
