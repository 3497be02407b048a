"""A backup: a folder with one copy of the database, and a manifest that says what it is a copy of."""
