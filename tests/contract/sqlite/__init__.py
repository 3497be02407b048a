"""The storage over SQLite: its file, its plans, its syncs, and the log that it carries itself."""
