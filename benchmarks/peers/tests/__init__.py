"""Whether the peers are what they say: real processes on real servers, beside a real Parley."""
