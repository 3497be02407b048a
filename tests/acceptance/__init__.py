"""The real processes, started by the command line and spoken to over HTTP."""
