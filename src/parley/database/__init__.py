"""Connections, transactions, migrations and named queries; no business words."""
