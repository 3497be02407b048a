"""The storage's rules that need no database."""
