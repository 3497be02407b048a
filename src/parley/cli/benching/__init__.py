"""What ``parley bench`` is made of: what is asked, when, over which connections, and what came of it."""
