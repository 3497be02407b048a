"""What every cell is measured with: load generators, CPU from /proc, verdicts, result files and the report."""
