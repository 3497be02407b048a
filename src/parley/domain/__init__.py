"""Values and rules of Parley: no I/O, no clock, no logging."""
