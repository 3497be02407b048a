"""What one search adapter does beyond the port's contract."""
