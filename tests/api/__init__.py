"""Black-box tests of the HTTP contract, written from its text and not from the code."""
