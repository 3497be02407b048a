"""The write path: admission, group commit, and one use case for each thing that can be written."""
