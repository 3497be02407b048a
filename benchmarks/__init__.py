"""Speed, measured: every figure comes from a cell, every cell from a command that anyone can repeat."""
