"""Other ways to build the write service, written by us as well as we can, to measure Parley against."""
