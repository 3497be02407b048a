"""Every parser that was written by hand, in one table, under any bytes."""
