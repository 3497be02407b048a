"""What is measured: the product in each profile, started as a user starts it, on the disk of this checkout."""
