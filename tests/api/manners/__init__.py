"""The manners of both ports, tried with raw sockets against the real wire."""
