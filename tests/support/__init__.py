"""What several suites share: the server under test, a raw HTTP client, checkers."""
