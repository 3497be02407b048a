"""Settings, and the documents made of them."""
