"""Small databases of every released schema, as the product of that time left them, and what it answered of them.

``0001.mysql.sql`` and ``0001.sqlite.sql`` are the databases, the ``.json`` beside each what its API said. They are made
by ``python -m tests.schemas`` once a schema is released, and never again: later code must open them.
"""
