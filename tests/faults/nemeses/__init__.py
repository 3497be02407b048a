"""What is done to a site while clients are at it, a module for each part that is harmed."""
