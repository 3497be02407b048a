"""HTTP/1.1 on the wire: one protocol, one set of limits and timers, for both ports."""
