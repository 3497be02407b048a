"""Jobs and what runs them."""
