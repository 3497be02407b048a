"""The MySQL storage on a real server: what the suites of the ports do not ask."""
